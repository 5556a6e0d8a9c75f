/** Reads the daemon's responses: values, events and errors, each with a limit on its size. */
import type { Deferred } from "../base/async.ts";
import { BangerError } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import type { HttpAnswer } from "../host/net/http-client.ts";
import type { Emit, StreamEvent } from "../model/event.ts";

/** bytes of one JSON value */
const maxJson = 64 * 1024 * 1024;
/** characters of one event, bytes of one error */
const maxLine = 4 * 1024 * 1024;

/** @throws Error if the body is not JSON, too long or cut short */
export async function readJson(answer: HttpAnswer): Promise<unknown> {
  return JSON.parse(await readText(answer, maxJson));
}

/** The error in the body of a response with status 400 or more. @throws Error if the body is not an error */
export async function readError(answer: HttpAnswer): Promise<BangerError> {
  return wireError(JSON.parse(await readText(answer, maxLine)), `status ${answer.status}`);
}

/** Reads events to the end of the response. `result` settles on the way if the daemon reports a result or an error. */
export async function readEvents<T>(answer: HttpAnswer, emit: Emit, result: Deferred<T>): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maxLine) throw new Error("a line of its answer is too long");
    for (const line of lines) takeEvent(JSON.parse(line) as StreamEvent<T>, emit, result);
  }
}

function takeEvent<T>(event: StreamEvent<T>, emit: Emit, result: Deferred<T>): void {
  if (event.kind === "result") result.resolve(event.value);
  else if (event.kind === "error") result.reject(wireError(event.error, "an error without a code"));
  else emit(event);
}

async function readText(answer: HttpAnswer, max: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > max) throw new Error("its answer is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function wireError(value: unknown, otherwise: string): BangerError {
  const { code, message, hint, exit, details } = (value ?? {}) as Record<string, unknown>;
  if (typeof code !== "string" || typeof message !== "string") throw new Error(otherwise);
  const isExit = typeof exit === "number" && Number.isInteger(exit) && exit > 0 && exit < 256;
  return new BangerError({
    code,
    message,
    hint: typeof hint === "string" ? hint : "",
    exit: isExit ? exit : Exit.Failure,
    details: typeof details === "object" && details !== null ? (details as BangerError["details"]) : {},
  });
}
