/** Judges how a command ended that an install or an uninstall runs. Pure. */
import { fail } from "../base/errors/error.ts";
import type { ExecResult } from "../host/process/exec.ts";

/** @param tool the command, as errors name it @throws TOOL_FAILED unless it ended with 0 */
export function mustSucceed(tool: string, { exitCode, signal, stderr }: ExecResult): void {
  if (exitCode === 0) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw fail("TOOL_FAILED", { tool, status: signal ?? `status ${exitCode}`, said });
}
