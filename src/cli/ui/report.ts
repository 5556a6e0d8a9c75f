/** The one place where a failure is told: two lines for people, one object for programs. */
import { type BangerError, toBangerError } from "../../base/errors/error.ts";

/** @returns the exit code */
export function report(thrown: unknown, options: { json: boolean; debug: boolean; write(text: string): void }): number {
  const error = toBangerError(thrown);
  if (options.json) options.write(`${JSON.stringify({ error: error.toWire() })}\n`);
  else options.write(textOf(error));
  if (options.debug && error.cause !== undefined) options.write(`${stackOf(error.cause)}\n`);
  return error.exit;
}

function textOf(error: BangerError): string {
  return `error: ${error.message}\n${error.hint === "" ? "" : `hint: ${error.hint}\n`}`;
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
