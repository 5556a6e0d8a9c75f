/** JSON bodies, parsed as untrusted input: bounded, with all problems reported at once. */
import type * as z from "zod/mini";
import { fail } from "../base/errors/error.ts";
import { stripControl } from "../base/text.ts";
import type { HttpExchange } from "../host/net/http-server.ts";

/** bytes: 2 MiB of variables, plus JSON's overhead */
const maxJson = 4 * 1024 * 1024;

/**
 * The body, checked by `schema`; an empty body means `{}`.
 * @throws REQUEST_INVALID, REQUEST_TOO_LARGE
 */
export async function readJson<T>(exchange: HttpExchange, schema: z.ZodMiniType<T>): Promise<T> {
  const bytes = await exchange.readBody(maxJson);
  const type = exchange.header("content-type");
  if (bytes.length > 0 && type?.split(";")[0]?.trim().toLowerCase() !== "application/json") {
    throw fail("REQUEST_INVALID", { problems: ["content-type must be application/json"] });
  }
  const parsed = schema.safeParse(bytes.length === 0 ? {} : parseJson(bytes));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 20).map((issue) => `${pathOf(issue.path)}: ${issue.message}`);
  throw fail("REQUEST_INVALID", { problems: problems.map((text) => stripControl(text).slice(0, 300)) });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fail("REQUEST_INVALID", { problems: ["the body is not JSON in UTF-8"] });
  }
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? "(body)" : path.map(String).join(".");
}
