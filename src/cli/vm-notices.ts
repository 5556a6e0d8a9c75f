/** Prints the daemon's notices about a session's VM: a line on stderr each, beside the guest's output. */
import type { OnVmNotice, VmNotice } from "../client/session/notices.ts";
import { cutCells } from "../host/terminal/cells.ts";
import { placeOfPort } from "../model/ports.ts";
import type { CliContext } from "./context.ts";

/** terminal cells of one notice */
const maxCells = 1000;

export function noticePrinter({ stdio }: Pick<CliContext, "stdio">): OnVmNotice {
  // a terminal in raw mode needs the carriage return
  const end = stdio.stderrIsTerminal ? "\r\n" : "\n";
  return (notice) => {
    // a closed stderr does not end the session
    stdio.write("stderr", `${cutCells(lineOf(notice), maxCells)}${end}`).catch(() => {});
  };
}

function lineOf(notice: VmNotice): string {
  if ("state" in notice) return `banger: VM "${notice.name}" is ${notice.state}: ${notice.text}`;
  const { name, guestPort, problem } = notice;
  if (problem === null) return `» ${name}: port ${guestPort} → ${placeOfPort(notice)}`;
  return `» ${name}: port ${guestPort} is not forwarded: ${problem}`;
}
