/** What the daemon tells a session about its VM: a line on stderr, beside what the guest says. */
import { oneLine } from "../base/display.ts";
import type { AgentClient } from "../client/attach.ts";
import { cutCells } from "../host/terminal/cells.ts";
import type { CliContext } from "./context.ts";

/** terminal cells of one notice */
const maxCells = 1000;

/** From now on, until the session is over. */
export function printNotices({ stdio }: Pick<CliContext, "stdio">, name: string, client: AgentClient): void {
  // a terminal in raw mode returns to no line's start by itself
  const end = stdio.stderrIsTerminal ? "\r\n" : "\n";
  client.onNotice(({ notice, state, text }) => {
    if (notice !== "vm" || (state !== "paused" && state !== "running") || typeof text !== "string") return;
    const said = cutCells(oneLine(text), maxCells);
    // who closed stderr wants to hear nothing
    stdio.write("stderr", `banger: VM "${name}" is ${state}: ${said}${end}`).catch(() => {});
  });
}
