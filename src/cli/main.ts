/** Runs one command line. */
import { run } from "@stricli/core";
import { Exit } from "../base/exit.ts";
import { buildApp } from "./app.ts";
import type { CliContext } from "./context.ts";

/** argv is split at the first `--`: what stands behind it belongs to the guest. */
export function splitArgv(argv: readonly string[]): { own: string[]; guest: string[] | null } {
  const at = argv.indexOf("--");
  return at < 0 ? { own: [...argv], guest: null } : { own: argv.slice(0, at), guest: argv.slice(at + 1) };
}

/** @returns the exit code */
export async function main(own: readonly string[], context: CliContext): Promise<number> {
  await run(buildApp(context.version), own, context);
  return exitCodeOf(context.process.exitCode);
}

/** The parser's own codes are negative: bad arguments, unknown command, or a bug. */
function exitCodeOf(code: number | string | null | undefined): number {
  const value = Number(code ?? 0);
  if (value >= 0) return value;
  return value === -4 || value === -5 ? Exit.Usage : Exit.Internal;
}
