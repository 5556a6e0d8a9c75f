/** `BangerError`: an expected failure with a permanent code. Plain `Error` is for bugs only. */

import type { ExitCode } from "../exit.ts";
import { Exit } from "../exit.ts";
import { showBytes } from "../path-bytes.ts";
import { redactText } from "../text.ts";
import { oneLine } from "../untrusted-text.ts";
import { catalog } from "./catalog.ts";
import type { ErrorParams, ErrorSpec } from "./spec.ts";

export type ErrorCode = keyof typeof catalog;

type ParamsOf<C extends ErrorCode> = (typeof catalog)[C] extends ErrorSpec<infer P> ? P : never;

/** An error as JSON: in the API and in the output of `--json`. */
export type WireError = { code: string; message: string; hint: string; exit: number; details: ErrorParams };

export class BangerError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly exit: ExitCode;
  readonly details: ErrorParams;

  constructor(wire: WireError, options?: ErrorOptions) {
    super(wire.message, options);
    this.name = "BangerError";
    this.code = wire.code;
    this.hint = wire.hint;
    this.exit = wire.exit as ExitCode;
    this.details = wire.details;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, hint: this.hint, exit: this.exit, details: this.details };
  }
}

/**
 * Makes the error for `code`; the caller throws it: `throw fail("VM_NOT_FOUND", { name })`. The values may come from a guest, an image
 * or a repository: line breaks and control characters are removed from message and hint, and a URL's credentials from the details too.
 * @param cause the underlying error, kept for `--debug` and logs
 */
export function fail<C extends ErrorCode>(code: C, params: ParamsOf<C>, cause?: unknown): BangerError {
  const entry = catalog[code] as ErrorSpec;
  const details = mapTexts(params, redactText);
  const shown = mapTexts(details, (text) => oneLine(showBytes(text)));
  const wire = { code, message: entry.message(shown), hint: entry.hint(shown), exit: entry.exit, details };
  return new BangerError(wire, cause === undefined ? undefined : { cause });
}

function mapTexts(params: ErrorParams, change: (text: string) => string): ErrorParams {
  const changed = (value: ErrorParams[string]) => {
    if (typeof value === "string") return change(value);
    return Array.isArray(value) ? value.map((text: string) => change(text)) : value;
  };
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, changed(value)]));
}

/** True when `error` is a `BangerError` with that code, also one that came over the API. */
export function isError(error: unknown, code: ErrorCode): error is BangerError {
  return error instanceof BangerError && error.code === code;
}

/** Any thrown value as a `BangerError`: a full disk becomes `DISK_FULL`; anything else is a bug and becomes `INTERNAL`. */
export function toBangerError(thrown: unknown): BangerError {
  if (thrown instanceof BangerError) return thrown;
  if (isFullDisk(thrown)) return fail("DISK_FULL", { path: pathOf(thrown), during: "writing" }, thrown);
  const message = oneLine(redactText(thrown instanceof Error ? thrown.message : String(thrown)));
  return new BangerError(
    {
      code: "INTERNAL",
      message: `internal error: ${message}`,
      hint: "this is a bug in banger: please report it with the output of the same command under BANGER_DEBUG=1",
      exit: Exit.Internal,
      details: {},
    },
    { cause: thrown },
  );
}

/** True for ENOSPC and EDQUOT, which any write can fail with: errno(3). */
function isFullDisk(thrown: unknown): thrown is { path?: unknown } {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Errors of calls on open files have no path. */
function pathOf({ path }: { path?: unknown }): string {
  return typeof path === "string" ? path : "one of banger's files";
}
