/** Runs one command line. */
import { run } from "@stricli/core";
import { fail } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import { buildApp, root } from "./app.ts";
import type { CliContext } from "./context.ts";
import { reportFailure } from "./work.ts";

/** Splits argv at the first `--`: everything after it belongs to the guest. */
export function splitArgv(argv: readonly string[]): { own: string[]; guest: string[] | null } {
  const at = argv.indexOf("--");
  return at < 0 ? { own: [...argv], guest: null } : { own: argv.slice(0, at), guest: argv.slice(at + 1) };
}

/** @returns the exit code, once everything is printed */
export async function main(own: readonly string[], context: CliContext): Promise<number> {
  if (own[0] === "__complete") {
    const code = await (await import("./completion/complete.ts")).complete(root, context, own);
    await context.flush();
    return code;
  }
  const words = own[0] === "help" ? [...own.slice(1), "--help"] : own;
  await run(buildApp(context.version, words), words, context);
  const code = exitCodeOf(context.process.exitCode);
  const unwritten = await context.flush();
  if (!unwritten || code !== Exit.Ok) return code;
  return unwrittenCode(context, words, unwritten);
}

/** The parser's own codes are negative: bad arguments, unknown command, or a bug. */
function exitCodeOf(code: number | string | null | undefined): number {
  const value = Number(code ?? 0);
  if (value >= 0) return value;
  return value === -4 || value === -5 ? Exit.Usage : Exit.Internal;
}

const brokenPipe = 128 + 13;

/** A reader that has gone is not reported; a full disk is. */
async function unwrittenCode(context: CliContext, words: readonly string[], error: Error): Promise<number> {
  if ((error as { code?: unknown }).code === "EPIPE") return brokenPipe;
  const exit = reportFailure(
    context,
    { json: words.includes("--json") },
    fail("OUTPUT_FAILED", { reason: error.message }, error),
  );
  await context.flush();
  return exit;
}
