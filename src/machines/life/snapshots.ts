/** Named snapshots of a VM to go back to. Their folders are outside the VMM's. */
import { fail } from "../../base/errors/error.ts";
import { parseSnapshotName } from "../../base/names.ts";
import { nearest } from "../../base/text.ts";
import type { Emit } from "../../model/event.ts";
import type { SnapshotRecord } from "../../model/save.ts";
import type { VmRecord } from "../../model/vm.ts";
import { discard } from "../guest/discard.ts";
import { requireLive } from "../guest/live.ts";
import { stampSnapshot } from "../start/same-disk.ts";
import type { LifeContext } from "./context.ts";
import { copyDiskAloud, ofVm } from "./copy-disk.ts";
import { saveAndResume } from "./save-and-resume.ts";

/** The caller holds the VM's operation; it is running, paused or stopped. @throws SNAPSHOT_TAKEN, SAVE_FAILED, DISK_FULL */
export async function takeSnapshot(
  ctx: LifeContext,
  vm: VmRecord,
  text: string | undefined,
  emit: Emit,
  signal: AbortSignal,
): Promise<SnapshotRecord> {
  const name = text === undefined ? freeName(ctx, vm) : parseSnapshotName(text);
  if (ctx.store.snapshots.byName(vm.id, name)) throw fail("SNAPSHOT_TAKEN", { vm: vm.name, name });
  const id = ctx.randomId();
  const files = ctx.paths.snapshot(id);
  try {
    await ctx.files.ensureFolder(files.directory);
    const copy = () => copyDiskAloud(ctx, ofVm(ctx, vm, files.disk), emit);
    emit({ kind: "progress", step: "save", text: `saving ${vm.name}` });
    const stopped = vm.state === "stopped";
    const made = stopped
      ? await copy().then(() => null)
      : await saveAndResume(ctx, { vm, live: requireLive(ctx, vm), files }, signal, copy);
    const save = made && (await stampSnapshot(ctx, made, files.disk));
    await ctx.files.makeDurable(save ? [files.memory, files.state, files.disk] : [files.disk]);
    const bytes = await ctx.files.usedBytes(files.directory);
    const record: SnapshotRecord = { id, vm: vm.id, name, save, bytes, createdAt: ctx.clock.now() };
    if (!ctx.store.snapshots.add(record)) throw fail("SNAPSHOT_TAKEN", { vm: vm.name, name });
    return record;
  } catch (error) {
    await ctx.unlessReleased();
    await discard(ctx, files.directory);
    throw error;
  }
}

/** @throws SNAPSHOT_NOT_FOUND */
export function findSnapshot(ctx: Pick<LifeContext, "store">, vm: VmRecord, name: string): SnapshotRecord {
  const found = ctx.store.snapshots.byName(vm.id, name);
  if (found) return found;
  const names = ctx.store.snapshots.of(vm.id).map((one) => one.name);
  const near = nearest(name, names);
  throw fail("SNAPSHOT_NOT_FOUND", { vm: vm.name, name, ...(near ? { nearest: near } : {}) });
}

export async function deleteSnapshot(ctx: LifeContext, snapshot: SnapshotRecord): Promise<void> {
  ctx.store.snapshots.remove(snapshot.id);
  await ctx.files.removeTree(ctx.paths.snapshot(snapshot.id).directory);
}

/** `s1`, `s2`, …: the first name that is free. */
function freeName(ctx: LifeContext, vm: VmRecord): string {
  for (let number = 1; ; number++) if (!ctx.store.snapshots.byName(vm.id, `s${number}`)) return `s${number}`;
}
