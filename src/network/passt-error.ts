/** passt's own message about why it did not start. Pure. */
import { stripControl } from "../base/text.ts";

export type PasstOutput = {
  /** path of passt, as in messages of `netguard` */
  program: string;
  stderr: string;
  /** the start of its log file; newer passts print errors nowhere else */
  log: string;
};

/** UTF-16 units */
const maxLength = 300;

/** Empty when passt printed nothing. */
export function passtError({ program, stderr, log }: PasstOutput): string {
  const logged = errorsIn(log);
  const lines = logged.length > 0 ? logged : linesOf(stderr).filter((line) => !isNoise(line));
  const passt = lines.filter((line) => !line.startsWith(`${program}:`));
  return stripControl((passt.length > 0 ? passt : lines).join("; ")).slice(0, maxLength);
}

/** It looked for the interface of a default route, to take addresses from; passt from November 2024 on does without one. */
export function isWithoutRoute(reason: string): boolean {
  return /no (?:external )?routable interface|external interface not usable/i.test(reason);
}

/** Messages of lines like `0.1433: ERROR:   External interface not usable`. */
function errorsIn(log: string): string[] {
  return linesOf(log).flatMap((line) => /^\d+\.\d+: (?:WARNING|ERROR): +(.+)$/.exec(line)?.[1] ?? []);
}

/** passt warns about a missing syslog and about root, neither of which ends it. */
function isNoise(line: string): boolean {
  return /^(?:Failed to send|Don't run as root)/.test(line);
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
