/** Provokes a refusal by the program's own command line, does what its hint says, and sees where that leads. */
import { expect } from "bun:test";
import type { WireError } from "../../src/base/errors/error.ts";
import type { Home, RunOptions } from "../e2e/home.ts";

export type Refusal = {
  name: string;
  args: string[];
  options?: RunOptions;
  before?: () => unknown;
  code: string;
  /** in its message: what the thing is */
  says: RegExp;
  /** in its hint */
  hints: RegExp;
  /** what a reader puts in place of the words in capitals of the hint's command */
  fill?: Record<string, string>;
  /** what else the hint asks for, before the command is run */
  mend?: () => unknown;
  /** how the hint's command is run; or, without one, the same command again */
  way?: RunOptions;
  /** the code that the way ends with; null: it succeeds; absent: nothing more can be done here */
  ends?: string | null;
};

/** The refusal of a command line. @throws when it is taken */
export async function refusalOf(home: Home, args: string[], options: RunOptions = {}): Promise<WireError> {
  const { code, stdout, stderr } = await home.banger([...args, "--json"], options);
  const line = stderr.split("\n").find((text) => text.startsWith('{"error"'));
  if (code === 0 || line === undefined) throw new Error(`banger ${args.join(" ")}: ${code} ${stdout} ${stderr}`);
  return JSON.parse(line).error;
}

export async function walk(home: Home, refusal: Refusal): Promise<void> {
  const { args, options = {}, ends, way = {} } = refusal;
  await refusal.before?.();
  const first = await refusalOf(home, args, options);
  expect(first).toMatchObject({ code: refusal.code, message: expect.stringMatching(refusal.says) });
  expect(first.hint).toMatch(refusal.hints);
  await refusal.mend?.();
  if (ends === undefined) return;
  const next = commandIn(first.hint, refusal.fill ?? {}) ?? args;
  const run = { ...options, ...way };
  if (ends === null) await home.ok(next, run);
  else expect((await refusalOf(home, next, run)).code).toBe(ends);
}

/** The last command of ours that a hint names, as one types it; null: it names none. */
export function commandIn(hint: string, fill: Record<string, string>): string[] | null {
  const found = [...hint.matchAll(/banger ([^`|]+)`/g)].at(-1)?.[1];
  if (found === undefined) return null;
  const words = found
    .trim()
    .split(" ")
    .map((word) => word.replace(/^'(.*)'$/, "$1"));
  const filled = words.map((word) => fill[word] ?? word);
  expect(filled.filter((word) => /^[A-Z]{2,}$/.test(word))).toEqual([]);
  return filled;
}
