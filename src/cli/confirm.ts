/** Asks before something is lost for good. */
import { fail } from "../base/errors/error.ts";
import type { CliContext } from "./context.ts";
import type { JsonFlag } from "./work.ts";

export type Confirmation = {
  /** what is lost, as a sentence; also the error's text where it is not possible to ask */
  loss: string;
  /** without a question mark */
  question: string;
  /** the flag that answers yes; default `--force` */
  flag?: string;
};

/**
 * Returns at once with `--force`. The answer is one line on a terminal; anything but `y` or `yes` means no, as does the end of input.
 * @throws CONFIRMATION_NEEDED without a terminal or with `--json`; NOT_CONFIRMED
 */
export async function confirm(
  context: CliContext,
  flags: JsonFlag & { force?: boolean },
  { loss, question, flag = "--force" }: Confirmation,
): Promise<void> {
  if (flags.force) return;
  const { stdinIsTerminal, stderrIsTerminal } = context.stdio;
  if (!stdinIsTerminal || !stderrIsTerminal || flags.json) throw fail("CONFIRMATION_NEEDED", { loss, flag });
  if (!(await ask(context, `${loss}\n${question}`))) throw fail("NOT_CONFIRMED", { flag });
}

/**
 * Whether the user answers `y` or `yes`. The caller has checked that there is a terminal.
 * @param question without a question mark
 */
export async function ask(context: CliContext, question: string): Promise<boolean> {
  return /^y(?:es)?$/i.test(((await askLine(context, `${question}? [y/N] `)) ?? "").trim());
}

/** One line of the user's; null at the end of the input. The caller has checked that there is a terminal. */
export async function askLine(context: CliContext, question: string): Promise<string | null> {
  context.process.stderr.write(question);
  return readLine(context);
}

/** Longer than any valid answer, in bytes. */
const maxAnswer = 1024;

/** Reads to the end of the first line or of the input. */
async function readLine({ stdio }: CliContext): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  let text = "";
  const input = stdio.readInput(async (chunk) => {
    text += decoder.decode(chunk.subarray(0, maxAnswer), { stream: true });
    if (text.includes("\n") || text.length >= maxAnswer) resolve();
  }, resolve);
  await promise;
  input.stop();
  return text === "" ? null : (text.split("\n")[0] ?? "");
}
