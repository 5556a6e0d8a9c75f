/** What is known of each attack at any time: one that throws, hangs or never ran has a line too. */
import type { Attack, Outcome } from "./report.ts";

/** `FAILED`: the attack did not get far enough to show anything. */
type Verdict = "held" | "OPEN" | "FAILED";

export type Result = { readonly name: string; verdict: Verdict; seen: string };

/** Of an attack that has not begun. */
export function resultOf({ name }: Pick<Attack, "name">): Result {
  return { name, verdict: "FAILED", seen: "it was not run" };
}

/** Runs an attack, and keeps `result` up to date. @throws what `run` throws */
export async function observe(run: () => Promise<Outcome>, result: Result): Promise<Outcome> {
  result.seen = "no answer";
  try {
    const outcome = await run();
    result.verdict = outcome.held ? "held" : "OPEN";
    result.seen = outcome.seen;
    return outcome;
  } catch (error) {
    result.seen = error instanceof Error ? error.message.split("\n", 1).join("") : String(error);
    throw error;
  }
}

/** The lines of a suite. @param host what it ran on */
export function summary(subject: string, host: string, results: readonly Result[]): string {
  const lines = results.map(({ name, verdict, seen }) => `  ${verdict.padEnd(6)} ${subject}: ${name} (${seen})`);
  return `${[`${subject} on ${host}:`, ...lines].join("\n")}\n`;
}
