/** Asking before something is given up for good. */
import { fail } from "../base/errors/error.ts";
import type { CliContext } from "./context.ts";
import type { JsonFlag } from "./work.ts";

export type Confirmation = {
  /** what is given up, as a sentence; it is the error's too where nobody can be asked */
  loss: string;
  /** without its question mark */
  question: string;
};

/**
 * Returns at once with `--force`. The answer is one line on a terminal; anything but `y` or `yes` is a no, and so is the end of input.
 * @throws CONFIRMATION_NEEDED where there is no terminal, or the output is for programs; NOT_CONFIRMED
 */
export async function confirm(
  context: CliContext,
  flags: JsonFlag & { force?: boolean },
  { loss, question }: Confirmation,
): Promise<void> {
  if (flags.force) return;
  const { stdinIsTerminal, stderrIsTerminal } = context.stdio;
  if (!stdinIsTerminal || !stderrIsTerminal || flags.json) throw fail("CONFIRMATION_NEEDED", { loss });
  if (!(await ask(context, `${loss}\n${question}`))) throw fail("NOT_CONFIRMED", {});
}

/**
 * Whether the user says `y` or `yes`. The caller has looked whether there is a terminal.
 * @param question without its question mark
 */
export async function ask(context: CliContext, question: string): Promise<boolean> {
  context.process.stderr.write(`${question}? [y/N] `);
  return /^y(?:es)?$/i.test((await readLine(context)).trim());
}

/** More than any answer has, in bytes. */
const maxAnswer = 1024;

/** Up to the first line's end, or the end of input. */
async function readLine({ stdio }: CliContext): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  const input = stdio.readInput(async (chunk) => {
    text += decoder.decode(chunk.subarray(0, maxAnswer), { stream: true });
    if (text.includes("\n") || text.length >= maxAnswer) resolve();
  }, resolve);
  await promise;
  input.stop();
  return text.split("\n")[0] ?? "";
}
