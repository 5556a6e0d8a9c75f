/** What test hosts keep between runs: folders that have their name only when they are complete. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { testRoot } from "../e2e/home.ts";

/** The folder of that name, filled by `fill` where it is missing; who comes second waits for the first. */
export async function kept(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const final = join(testRoot, name);
  if (existsSync(final)) return final;
  mkdirSync(testRoot, { recursive: true, mode: 0o700 });
  await using _turn = await turnFor(`${final}.lock`);
  if (existsSync(final)) return final;
  const making = mkdtempSync(join(testRoot, "make-"));
  try {
    await fill(making);
    renameSync(making, final);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return final;
}

/** A lock that lasts as long as flock(1) runs, which ends with us: its input does. */
async function turnFor(path: string): Promise<AsyncDisposable> {
  const holder = Bun.spawn(["flock", path, "cat"], { stdin: "pipe", stdout: "pipe" });
  holder.stdin.write("mine\n");
  await holder.stdin.flush();
  await holder.stdout.getReader().read();
  return {
    async [Symbol.asyncDispose]() {
      await holder.stdin.end();
      await holder.exited;
    },
  };
}

/** 12 hexadecimal digits that change with any of the texts or files. */
export function keyOf(texts: readonly string[], files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\n`);
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex").slice(0, 12);
}
