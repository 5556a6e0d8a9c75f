/** Why passt did not start, in its own words. Pure. */
import { stripControl } from "../base/text.ts";

export type PasstOutput = {
  /** path of passt, by which `netguard` names it */
  program: string;
  stderr: string;
  /** its log file, the beginning or all of it; newer passts say nothing elsewhere */
  log: string;
};

const most = 300;

/** Empty when it said nothing. */
export function passtError({ program, stderr, log }: PasstOutput): string {
  const logged = errorsIn(log);
  const lines = logged.length > 0 ? logged : linesOf(stderr).filter((line) => !isNoise(line));
  const passt = lines.filter((line) => !line.startsWith(`${program}:`));
  return stripControl((passt.length > 0 ? passt : lines).join("; ")).slice(0, most);
}

/** Lines as `0.1433: ERROR:   External interface not usable`. */
function errorsIn(log: string): string[] {
  return linesOf(log).flatMap((line) => /^\d+\.\d+: (?:WARNING|ERROR): +(.+)$/.exec(line)?.[1] ?? []);
}

/** passt complains of a missing syslog, and of root, which is no reason to end. */
function isNoise(line: string): boolean {
  return /^(?:Failed to send|Don't run as root)/.test(line);
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
