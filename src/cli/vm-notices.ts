/** Prints the daemon's notices about a session's VM: a line on stderr each, beside the guest's output. */
import { oneLine } from "../base/untrusted-text.ts";
import type { OnVmNotice, VmNotice } from "../client/session/notices.ts";
import { cutCells } from "../host/terminal/cells.ts";
import { placeOfPort } from "../model/ports.ts";
import type { CliContext } from "./context.ts";

/** terminal cells of one notice */
const maxCells = 1000;

export function noticePrinter(context: Pick<CliContext, "stdio">): OnVmNotice {
  const print = printer(context);
  return (notice) => print(lineOf(notice));
}

/** Prints a line of banger's own beside a session's output. */
export function linePrinter(context: Pick<CliContext, "stdio">): (text: string) => void {
  const print = printer(context);
  return (text) => print(`banger: ${oneLine(text)}`);
}

function printer({ stdio }: Pick<CliContext, "stdio">): (line: string) => void {
  // a terminal in raw mode needs the carriage return
  const end = stdio.stderrIsTerminal ? "\r\n" : "\n";
  return (line) => {
    // a closed stderr does not end the session
    stdio.write("stderr", `${cutCells(line, maxCells)}${end}`).catch(() => {});
  };
}

function lineOf(notice: VmNotice): string {
  if ("state" in notice) return `banger: VM "${notice.name}" is ${notice.state}: ${notice.text}`;
  const { name, guestPort, problem } = notice;
  if (problem === null) return `» ${name}: port ${guestPort} → ${placeOfPort(notice)}`;
  return `» ${name}: port ${guestPort} is not forwarded: ${problem}`;
}
