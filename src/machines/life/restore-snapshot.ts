/** `vm restore`: a VM goes back to a snapshot of its own; what came after is given up. */
import { fail } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { SnapshotRecord } from "../../model/save.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import { bootSpec } from "../guest/boot-spec.ts";
import { discard } from "../guest/discard.ts";
import { freshVm } from "../guest/state.ts";
import { prepareArtifacts } from "../images/artifacts.ts";
import { writeEnding } from "../start/clean-up.ts";
import { snapshotDiskProblem } from "../start/same-disk.ts";
import { startFromDisk, startOfSaved } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import { type SavedSource, saveOf } from "../templates/start-source.ts";
import type { LifeContext } from "./context.ts";
import { copyDiskAloud } from "./copy-disk.ts";

export type SnapshotRestore = {
  snapshot: SnapshotRecord;
  /** boot from the snapshot's disk and ignore its memory */
  cold: boolean;
  emit: Emit;
  signal: AbortSignal;
};

/**
 * The caller holds the VM's operation. A snapshot of a stopped VM leaves it stopped.
 * @throws SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES, DISK_FULL before anything is given up
 */
export async function restoreSnapshot(ctx: LifeContext, vm: VmRecord, plan: SnapshotRestore): Promise<VmRecord> {
  const { snapshot, emit, signal } = plan;
  const files = ctx.paths.snapshot(snapshot.id);
  const { disk } = ctx.paths.vm(vm.id);
  const source = plan.cold ? null : await checkedSource(ctx, vm, snapshot);
  if (plan.cold) await warnOfDisk(ctx, plan);
  const ready = `${disk}.back`;
  const change = ctx.store.journal.begin("restore", vm.id, JSON.stringify({ id: snapshot.id, cold: plan.cold }));
  try {
    await copyDiskAloud(ctx, { name: snapshot.name, from: files.disk, to: ready, bytes: vm.spec.diskBytes }, emit);
    signal.throwIfAborted();
    await ctx.live.get(vm.id)?.vm.kill();
    await writeEnding(ctx, vm, { state: "stopped", reason: `going back to ${snapshot.name}`, failed: false });
    await giveUpSuspended(ctx, vm);
    await ctx.files.rename(ready, disk);
    if (snapshot.save) {
      const now = freshVm(ctx, vm);
      const never = new AbortController().signal;
      const caller = { emit, signal: never, interrupted: never };
      const start = source ? startOfSaved(ctx, now, source, caller) : startFromDisk(ctx, now, "as requested", caller);
      await startVm(ctx, start);
    }
  } finally {
    await ctx.unlessReleased();
    await discard(ctx, ready);
    change.end();
  }
  return freshVm(ctx, vm);
}

/** Warns who boots from a disk that was changed since. */
async function warnOfDisk(ctx: LifeContext, { snapshot: { id, name, save }, emit }: SnapshotRestore): Promise<void> {
  const problem = save && (await snapshotDiskProblem(ctx, save, ctx.paths.snapshot(id).disk));
  if (problem) emit({ kind: "note", level: "warn", text: `the disk of snapshot ${name} ${problem}` });
}

async function giveUpSuspended(ctx: LifeContext, vm: VmRecord): Promise<void> {
  ctx.store.vms.change(vm.id, { suspended: null });
  await ctx.files.removeTree(ctx.paths.suspended(vm.id).directory);
}

/** The device that it was saved with: its kind matters, its address does not. */
function deviceOf(kind: NetDevice["kind"] | null): NetDevice | null {
  if (kind === null) return null;
  if (kind === "stream") return { kind, socket: "", mac: "" };
  return kind === "tap" ? { kind, name: "", mac: "" } : { kind, mac: "" };
}

/** Null: the snapshot is of a stopped VM. */
async function checkedSource(
  ctx: LifeContext,
  vm: VmRecord,
  { id, name, save }: SnapshotRecord,
): Promise<SavedSource | null> {
  if (!save) return null;
  const files = ctx.paths.snapshot(id);
  const source: SavedSource = {
    kind: "save",
    save: saveOf(save, files),
    disk: null,
    what: `snapshot ${name}`,
    template: null,
    sameMachine: true,
  };
  const { image, initramfs } = await prepareArtifacts(ctx, vm.spec);
  const driver = ctx.drivers.named(vm.spec.vmm.driver);
  const net = deviceOf(driver.savedNetwork(source.save.record));
  await driver.check(source.save, bootSpec(ctx.paths, { vm, image, initramfs, net }));
  if (!(await ctx.isUntouched(source.save)))
    throw fail("SAVE_DAMAGED", { path: files.memory, problem: "was written to since it was saved" });
  const problem = await snapshotDiskProblem(ctx, save, files.disk);
  if (problem !== null) throw fail("SAVE_DAMAGED", { path: files.disk, problem });
  return source;
}
