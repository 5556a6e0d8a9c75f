/** Deletes an ephemeral VM when its work is done. */
import { isError } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { DaemonAccess } from "../dependencies.ts";
import { nextApi } from "../next-daemon.ts";

/** The end of the hold deletes it too; an explicit request makes sure that it is gone when this returns. Never throws. */
export async function removeVm(daemon: DaemonAccess, emit: Emit, name: string): Promise<void> {
  try {
    await daemon.api.json("deleteVm", { name });
  } catch (error) {
    if (isError(error, "VM_NOT_FOUND")) return;
    if (isError(error, "DAEMON_VERSION")) return removeByNext(daemon, emit, name);
    warn(emit, name, error);
  }
}

/** For a daemon that was replaced by another version while the VM was in use. */
async function removeByNext(daemon: DaemonAccess, emit: Emit, name: string): Promise<void> {
  try {
    await (await nextApi(daemon)).json("deleteVm", { name });
  } catch (error) {
    warn(emit, name, error);
  }
}

function warn(emit: Emit, name: string, error: unknown): void {
  emit({ kind: "note", level: "warn", text: `VM "${name}" could not be deleted: ${(error as Error).message}` });
}
