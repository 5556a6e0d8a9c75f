/** Results and errors of the host programs that make and unpack images and kernels. */
import { fail } from "../base/errors/error.ts";
import { stripControl } from "../base/text.ts";
import type { ExecResult } from "../host/process/exec.ts";

/** The last non-empty line, without control characters, at most 300 characters. */
export function lastLine(stderr: string): string {
  const lines = stripControl(stderr.replace(/\r/g, "\n"))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return (lines.at(-1) ?? "").slice(0, 300);
}

export function statusText(result: { exitCode: number | null; signal: string | null }): string {
  return result.signal ? `signal ${result.signal}` : `status ${result.exitCode}`;
}

/** @throws TOOL_FAILED unless the program exited with 0 */
export function mustSucceed(result: ExecResult): ExecResult {
  if (result.exitCode === 0) return result;
  const said = lastLine(new TextDecoder().decode(result.stderr));
  throw fail("TOOL_FAILED", { tool: result.argv[0] ?? "", status: statusText(result), said });
}

export function stdoutText(result: ExecResult): string {
  return new TextDecoder().decode(result.stdout);
}
