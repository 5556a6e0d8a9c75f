/** What a VM that is started begins from. */
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import { prepareArtifacts } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { cold, type Origin, suspendedOrigin } from "./origin.ts";
import { originOf } from "./templates.ts";

/** @param isCold it was asked to boot from its disk */
export async function originFor(
  ctx: Context,
  vm: VmRecord,
  isCold: boolean,
  emit: Emit,
  signal: AbortSignal,
): Promise<Origin> {
  if (isCold) return cold("as was asked");
  if (vm.suspended) return suspendedOrigin(ctx, vm);
  // the disk of one that ran is not a template's any more
  if (vm.generation > 0) return cold("it has run before");
  return originOf(ctx, { spec: vm.spec, artifacts: await prepareArtifacts(ctx, vm.spec) }, emit, signal);
}
