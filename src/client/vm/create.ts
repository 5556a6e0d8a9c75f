/** Creates a VM, and obtains the image and kernel that it needs. */
import type { CreateVm } from "../../api/types.ts";
import type { Emit } from "../../model/event.ts";
import type { VmView } from "../../model/vm.ts";
import type { Work } from "../api.ts";
import { withArtifacts } from "../artifacts/missing.ts";
import type { ArtifactNeeds } from "../artifacts/obtain.ts";

/** @throws errors that the daemon reports, the signal's reason */
export function createVm(
  needs: ArtifactNeeds,
  request: CreateVm,
  emit: Emit,
  signal: AbortSignal,
): Promise<Work<VmView>> {
  return withArtifacts(needs, emit, signal, () => needs.api.work("createVm", { body: request }, emit, signal));
}
