/** What an attack came to, one line each: `make test-attack` shows them. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { observe, resultOf, summary } from "./result.ts";

/** What was seen of an attack. */
export type Outcome = { held: boolean /** what the attacker got, in a few words */; seen: string };

export type Attack = {
  /** what the attacker does, as a clause: `connects to a unix socket of the user` */
  name: string;
  run(): Promise<Outcome>;
  timeoutMs?: number;
};

/** Makes a test of each attack, and prints the list at the end. @param subject who was taken over or is lied to */
export function attackTests(subject: string, attacks: readonly Attack[]): void {
  const results = attacks.map(resultOf);
  for (const [at, { name, run, timeoutMs = 60_000 }] of attacks.entries()) {
    test(
      name,
      async () => {
        const { held, seen } = await observe(run, results[at] ?? resultOf({ name }));
        expect({ held, seen }).toEqual({ held: true, seen });
      },
      timeoutMs,
    );
  }
  afterAll(() => void process.stdout.write(summary(subject, hostLine(), results)));
}

/** The kernel and what of it decides these attacks. */
export function hostLine(): string {
  return `Linux ${release()}, security modules ${lsm()}`;
}

function lsm(): string {
  try {
    return readFileSync("/sys/kernel/security/lsm", "utf8").trim();
  } catch {
    return "unknown";
  }
}
