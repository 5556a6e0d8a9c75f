/** Prints the daemon's notices about a session's VM: a line on stderr each, beside the guest's output. */
import type { OnVmNotice } from "../client/session/notices.ts";
import { cutCells } from "../host/terminal/cells.ts";
import type { CliContext } from "./context.ts";

/** terminal cells of one notice */
const maxCells = 1000;

export function noticePrinter({ stdio }: Pick<CliContext, "stdio">): OnVmNotice {
  // a terminal in raw mode needs the carriage return
  const end = stdio.stderrIsTerminal ? "\r\n" : "\n";
  return ({ name, state, text }) => {
    // a closed stderr does not end the session
    stdio.write("stderr", `banger: VM "${name}" is ${state}: ${cutCells(text, maxCells)}${end}`).catch(() => {});
  };
}
