/** Printing what the daemon says about a session's VM: a line on stderr, beside the guest's own output. */
import type { OnVmNotice } from "../client/session/notices.ts";
import { cutCells } from "../host/terminal/cells.ts";
import type { CliContext } from "./context.ts";

/** terminal cells of one notice */
const maxCells = 1000;

export function noticePrinter({ stdio }: Pick<CliContext, "stdio">): OnVmNotice {
  // on a terminal in raw mode a line feed alone does not return to the line's start
  const end = stdio.stderrIsTerminal ? "\r\n" : "\n";
  return ({ name, state, text }) => {
    // a closed stderr is no reason to end the session
    stdio.write("stderr", `banger: VM "${name}" is ${state}: ${cutCells(text, maxCells)}${end}`).catch(() => {});
  };
}
