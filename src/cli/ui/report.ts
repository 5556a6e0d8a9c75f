/** The one place that formats failures: two lines for people, one JSON object for programs. */

import { type BangerError, toBangerError } from "../../base/errors/error.ts";
import { redactText } from "../../base/text.ts";
import { indented, safeJson } from "../../base/untrusted-text.ts";

/** @returns the exit code */
export function report(thrown: unknown, options: { json: boolean; debug: boolean; write(text: string): void }): number {
  const error = toBangerError(thrown);
  options.write(textOf(error, options));
  if (options.debug && error.cause !== undefined) options.write(`  ${indented(redactText(stackOf(error.cause)))}\n`);
  return error.exit;
}

/** The error can contain text of a guest or a repository, which can neither control the terminal nor begin a line. */
export function textOf(thrown: unknown, { json }: { json: boolean }): string {
  const error = toBangerError(thrown);
  return json ? `${safeJson({ error: error.toWire() })}\n` : linesOf(error);
}

function linesOf(error: BangerError): string {
  return `error: ${indented(error.message)}\n${error.hint === "" ? "" : `hint: ${indented(error.hint)}\n`}`;
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
