/** Finds a snapshot by the names of its VM and itself. */
import { fail } from "../../../base/errors/error.ts";
import { nearest } from "../../../base/text.ts";
import type { SnapshotView } from "../../../model/save.ts";
import type { CliContext } from "../../context.ts";

/** @throws VM_NOT_FOUND, SNAPSHOT_NOT_FOUND */
export async function findSnapshot({ api }: CliContext, vm: string, name: string): Promise<SnapshotView> {
  const all = await api.json("snapshotsOfVm", { name: vm });
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const near = nearest(
    name,
    all.map((one) => one.name),
  );
  throw fail("SNAPSHOT_NOT_FOUND", { vm, name, ...(near ? { nearest: near } : {}) });
}
