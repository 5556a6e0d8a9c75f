/** The end of counting a VM's time without use. */
import type { VmId } from "../base/names.ts";
import type { Context } from "./context.ts";

export function forgetIdle(ctx: Context, id: VmId): void {
  ctx.idle.get(id)?.cancel();
  ctx.idle.delete(id);
}
