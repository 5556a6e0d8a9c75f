/** `Exec` from a table of command lines; an unknown one is a bug in the test or in the code under test. */
import type { Exec, ExecOptions, ExecResult } from "../process/exec.ts";

export type FakeAnswer = { exitCode?: number; stdout?: string | Uint8Array; stderr?: string | Uint8Array };
export type FakeReply = FakeAnswer | ((options: ExecOptions) => FakeAnswer | Promise<FakeAnswer>);

/** Keys are argv joined by spaces. `calls` records every command line, in order. */
export function fakeExec(table: Record<string, FakeReply>): Exec & { calls: string[] } {
  const calls: string[] = [];
  const exec = async (argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> => {
    const line = argv.join(" ");
    calls.push(line);
    const reply = table[line];
    if (reply === undefined) throw new Error(`fakeExec has no answer for: ${line}`);
    const answer = typeof reply === "function" ? await reply(options) : reply;
    return {
      argv,
      exitCode: answer.exitCode ?? 0,
      signal: null,
      stdout: Buffer.from(answer.stdout ?? ""),
      stderr: Buffer.from(answer.stderr ?? ""),
      durationMs: 1,
    };
  };
  return Object.assign(exec, { calls });
}
