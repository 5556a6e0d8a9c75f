/** Chooses what a VM that exists starts from. */
import type { VmRecord } from "../../model/vm.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import { prepareArtifacts } from "../images/artifacts.ts";
import { coldBoot, type StartSource, suspendedSource } from "../templates/start-source.ts";
import { type TemplateUse, templateSource } from "../templates/templates.ts";
import type { StartContext } from "./context.ts";
import { putDiskBack } from "./kept-disk.ts";
import { requireSuspendedFiles } from "./same-disk.ts";

/** @param isCold it was asked to boot from its disk @throws SAVE_DAMAGED and what making a template throws */
export async function findSource(
  ctx: StartContext,
  vm: VmRecord,
  isCold: boolean,
  use: TemplateUse & { probe: UsableProbe },
): Promise<StartSource> {
  const now = await putDiskBack(ctx, vm);
  if (isCold) return coldBoot("as requested");
  if (now.suspended) {
    await requireSuspendedFiles(ctx, now);
    return suspendedSource(ctx, now);
  }
  // the disk of one that ran is not a template's any more
  if (vm.generation > 0) return coldBoot("it has run before");
  const artifacts = await prepareArtifacts(ctx, vm.spec);
  return templateSource(ctx, { spec: vm.spec, artifacts, probe: use.probe }, use);
}
