/** The programs that the helper runs: ip, nft, iptables, firewall-cmd, resolvectl. Each is given an argument list, and text on its stdin. */
import { isError } from "../base/errors/error.ts";
import { oneLine } from "../base/untrusted-text.ts";
import type { Exec } from "../host/process/exec.ts";
import { HelperError } from "./helper-error.ts";

/** for one program, in `ms`; firewall-cmd is a slow one */
const timeoutMs = 15_000;

/** of what a program said, in UTF-16 units */
const maxSaid = 500;

/** Its output. @throws HelperError with what it said, when it fails, hangs or is missing */
export async function run(exec: Exec, argv: readonly string[], input?: string): Promise<string> {
  const { exitCode, output, said } = await attempt(exec, argv, input);
  if (exitCode === 0) return output;
  throw new HelperError("failed", `${argv.slice(0, 3).join(" ")} ended with ${exitCode ?? "a signal"}: ${said}`);
}

export type Attempt = { exitCode: number | null; output: string; said: string };

/** The same with any exit code. @throws HelperError when it hangs or is missing */
export async function attempt(exec: Exec, argv: readonly string[], input?: string): Promise<Attempt> {
  try {
    const { exitCode, stdout, stderr } = await exec(argv, { timeoutMs, ...(input === undefined ? {} : { input }) });
    const said = oneLine(
      Buffer.from(stderr)
        .toString("utf8")
        .slice(0, 4 * maxSaid),
    ).slice(0, maxSaid);
    return { exitCode, output: Buffer.from(stdout).toString("utf8"), said };
  } catch (error) {
    if (isError(error, "TOOL_MISSING")) throw new HelperError("failed", `${error.message}: ${error.hint}`);
    if (isError(error, "TOOL_FAILED")) throw new HelperError("failed", error.message);
    throw error;
  }
}

/** True when the program is there and ends with 0. */
export async function succeeds(exec: Exec, argv: readonly string[]): Promise<boolean> {
  return attempt(exec, argv).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}
