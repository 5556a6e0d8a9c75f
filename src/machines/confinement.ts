/** Says what the cage of this host's VMMs leaves open, to the first who starts a VM. */

import { describeGaps } from "../model/cage.ts";
import type { Emit } from "../model/event.ts";
import type { Context } from "./context.ts";

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
