/** Says what the cage of this host's VMMs leaves open, to the first who starts a VM. */

import { describeGaps } from "../model/cage.ts";
import type { Emit } from "../model/event.ts";
import type { Probe } from "../vmm/driver.ts";
import type { Context } from "./context.ts";

/** Bytes for templates: 0, none, where the config wants a whole cage and VMs of one template are not kept apart. */
export function templateLimit(
  config: { confinement: "auto" | "required"; templateMaxBytes: number },
  probe: Probe,
): number {
  const isOpen = probe.usable && probe.sharing !== undefined;
  return isOpen && config.confinement === "required" ? 0 : config.templateMaxBytes;
}

/** Once for each daemon: it is the host's state, which `banger doctor` shows at any time. */
export async function noteGaps(ctx: Pick<Context, "driver" | "gaps" | "log">, emit: Emit): Promise<void> {
  if (ctx.gaps.areNoted) return;
  const probe = await ctx.driver.probe();
  if (!probe.usable || probe.gaps.length === 0 || ctx.gaps.areNoted) return;
  ctx.gaps.areNoted = true;
  const text = `VMMs are not fully confined on this host: ${describeGaps(probe.gaps)}`;
  ctx.log.warn(text);
  emit({ kind: "note", level: "warn", text });
}
