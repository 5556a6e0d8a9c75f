/** What a VM that is started begins from. */
import type { VmRecord } from "../model/vm.ts";
import { prepareArtifacts } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { cold, type Origin, suspendedOrigin } from "./origin.ts";
import { requireSuspendedFiles } from "./same-disk.ts";
import { type OriginPlan, originOf } from "./templates.ts";

type Wish = OriginPlan & {
  /** it was asked to boot from its disk */
  isCold: boolean;
};

export async function originFor(ctx: Context, vm: VmRecord, { isCold, ...plan }: Wish): Promise<Origin> {
  if (isCold) return cold("as was asked");
  if (vm.suspended) {
    await requireSuspendedFiles(ctx, vm);
    return suspendedOrigin(ctx, vm);
  }
  // the disk of one that ran is not a template's any more
  if (vm.generation > 0) return cold("it has run before");
  return originOf(ctx, { spec: vm.spec, artifacts: await prepareArtifacts(ctx, vm.spec) }, plan);
}
