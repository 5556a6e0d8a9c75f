/** The one place where a failure is put into words: two lines for people, one object for programs. */
import { type BangerError, toBangerError } from "../../base/errors/error.ts";
import { stripControl } from "../../base/text.ts";

/** @returns the exit code */
export function report(thrown: unknown, options: { json: boolean; debug: boolean; write(text: string): void }): number {
  const error = toBangerError(thrown);
  options.write(textOf(error, options));
  if (options.debug && error.cause !== undefined) options.write(`${stackOf(error.cause)}\n`);
  return error.exit;
}

/** A guest's or a repository's words may be in it: nothing that could command the terminal goes out. */
export function textOf(thrown: unknown, { json }: { json: boolean }): string {
  const error = toBangerError(thrown);
  return json ? `${JSON.stringify({ error: error.toWire() })}\n` : stripControl(linesOf(error));
}

function linesOf(error: BangerError): string {
  return `error: ${error.message}\n${error.hint === "" ? "" : `hint: ${error.hint}\n`}`;
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
