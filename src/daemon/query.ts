/** Reads the query parameters of requests: `api/queries.ts` has their table. */
import { fail } from "../base/errors/error.ts";
import { type ImageName, parseImageName } from "../base/names.ts";
import { redactText, stripControl } from "../base/text.ts";
import type { HttpExchange } from "../host/net/http-server.ts";

/** Where the content came from, for people; at most 200 characters, no credentials. */
export function sourceOf(exchange: HttpExchange): string {
  const type = exchange.header("content-type");
  if (type !== undefined && type !== "application/x-tar") {
    throw fail("REQUEST_INVALID", { problems: ["content-type must be application/x-tar"] });
  }
  return shownSource(exchange.query.get("source") ?? "upload");
}

export function shownSource(text: string): string {
  return redactText(stripControl(text)).slice(0, 200);
}

/** A name in the query; null when it is absent. @throws IMAGE_NAME_INVALID */
export function queryName(exchange: HttpExchange, key: string): ImageName | null {
  const text = exchange.query.get(key);
  return text === null ? null : parseImageName(text);
}

/** Whether the query has `key=1`, as in `?verify=1`. @throws REQUEST_INVALID for another value */
export function isSet(exchange: HttpExchange, key: string): boolean {
  const text = exchange.query.get(key);
  if (text === null || text === "1") return text === "1";
  throw fail("REQUEST_INVALID", { problems: [`${key} must be 1 or absent`] });
}

/** The value of `key` in the query; the first of `values` when it is absent. @throws REQUEST_INVALID for another one */
export function chosen<T extends string>(exchange: HttpExchange, key: string, values: readonly [T, ...T[]]): T {
  const text = exchange.query.get(key);
  if (text === null) return values[0];
  const value = values.find((one) => one === text);
  if (value !== undefined) return value;
  throw fail("REQUEST_INVALID", { problems: [`${key} must be one of ${values.join(", ")}`] });
}
