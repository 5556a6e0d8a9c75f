/** The last lines of a guest's console, to show why a VM failed. */

import { lastLines } from "../../base/last-lines.ts";
import type { VmId } from "../../base/names.ts";
import type { GuestContext } from "./context.ts";

/** The last lines that are not blank, control characters removed; empty when there is no console yet. */
export async function consoleTail(ctx: Pick<GuestContext, "files" | "paths">, id: VmId): Promise<string[]> {
  const text = await ctx.files.tail(ctx.paths.vm(id).serialLog, 16 * 1024).catch(() => "");
  return lastLines(text);
}

/** so many that what QEMU says is among them, above the registers of the CPU */
const vmmLines = 40;

/** The last lines of a VMM's log, control characters removed. */
export async function logTail(ctx: Pick<GuestContext, "files" | "paths">, id: VmId): Promise<string[]> {
  return lastLines(await ctx.files.tail(ctx.paths.vm(id).vmmLog, 16 * 1024).catch(() => ""), vmmLines);
}

/** The reason that the agent printed before it gave up; null if there is none. */
export function agentComplaint(lines: readonly string[]): string | null {
  const line = lines.findLast((text) => text.includes("banger-agent: "));
  return line ? line.slice(line.indexOf("banger-agent: ") + "banger-agent: ".length) : null;
}
