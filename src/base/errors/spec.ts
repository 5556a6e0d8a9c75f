/** One entry of the error catalog: see `catalog.ts`. */
import type { ExitCode } from "../exit.ts";

/** The values in an error's message and hint; in JSON they are its `details`. */
export type ErrorParams = Record<string, string | number | boolean | readonly string[] | undefined>;

export type ErrorSpec<P extends ErrorParams = ErrorParams> = {
  exit: ExitCode;
  /** what happened and with which value: lower case, no full stop */
  message: (params: P) => string;
  /** what to do or type next: lower case, no full stop */
  hint: (params: P) => string;
};

/** Declares one catalog entry; exists so that `P` is inferred from the sentences. */
export function spec<P extends ErrorParams>(entry: ErrorSpec<P>): ErrorSpec<P> {
  return entry;
}
