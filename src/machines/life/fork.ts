/**
 * `vm fork`: children continue from their parent's state, with its processes and open files, each a machine of its own.
 * The parent is paused only for the save; children share its memory until they change it.
 */
import { fail } from "../../base/errors/error.ts";
import { parseVmName, type VmName } from "../../base/names.ts";
import { UndoStack } from "../../base/undo.ts";
import type { Emit } from "../../model/event.ts";
import type { SavedPaths } from "../../model/paths.ts";
import type { VmRecord, VmSpec } from "../../model/vm.ts";
import type { VmIdentity } from "../../store/identities.ts";
import type { OpenChange } from "../../store/journal.ts";
import type { SaveRecord } from "../../vmm/driver.ts";
import { discard } from "../guest/discard.ts";
import { preemptVm } from "../guest/end-vmm.ts";
import { makeIdentity } from "../guest/identity.ts";
import { requireLive } from "../guest/live.ts";
import { emitState, freshVm } from "../guest/state.ts";
import { deleteVm } from "../start/delete.ts";
import { putDiskBack } from "../start/kept-disk.ts";
import { requireSuspendedFiles } from "../start/same-disk.ts";
import { startOfSaved } from "../start/start.ts";
import { startVm } from "../start/start-vm.ts";
import { pickName } from "../start/vm-names.ts";
import { type SavedSource, saveOf } from "../templates/start-source.ts";
import type { LifeContext } from "./context.ts";
import { copyDiskAloud, ofVm } from "./copy-disk.ts";
import { saveAndResume } from "./save-and-resume.ts";

export type ForkRequest = {
  /** of the children; up to `count` missing ones are picked */
  names: readonly string[];
  count?: number;
};

type Child = { vm: VmRecord; change: OpenChange };

/** The caller holds the parent's operation. All children or none. @throws VM_NAME_TAKEN, SAVE_FAILED, DISK_FULL, … */
export async function forkVm(
  ctx: LifeContext,
  parent: VmRecord,
  request: ForkRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<VmRecord[]> {
  const names = request.names.map(parseVmName);
  const count = Math.max(request.count ?? 1, names.length);
  const identities = await Promise.all(Array.from({ length: count }, () => makeIdentity(ctx)));
  await using undo = new UndoStack();
  const files = ctx.paths.snapshot(ctx.randomId());
  const children = addChildren(ctx, parent, names, identities);
  for (const { vm } of children) undo.defer(`VM ${vm.name}`, () => removeChild(ctx, vm));
  const removeSave = () => discard(ctx, files.directory);
  try {
    await ctx.files.ensureFolder(files.directory);
    const save = await saveParent(ctx, parent, { files, children, emit, signal });
    const source: SavedSource = {
      kind: "save",
      save: saveOf(save, files),
      disk: null,
      what: `a fork of ${parent.name}`,
      template: null,
      sameMachine: false,
    };
    await Promise.all(children.map((child) => startChild(ctx, child, source, emit, signal)));
    undo.keep();
  } finally {
    await ctx.unlessReleased();
    await removeSave();
  }
  return children.map(({ vm }) => freshVm(ctx, vm));
}

function addChildren(ctx: LifeContext, parent: VmRecord, names: readonly VmName[], identities: VmIdentity[]): Child[] {
  const isTaken = (name: VmName) => ctx.store.vms.byName(name) !== null || names.includes(name);
  const children = ctx.store.transaction(() =>
    identities.map((identity, at) => {
      const id = ctx.randomId();
      const vm: VmRecord = {
        ...parent,
        id,
        spec: withoutPublished(parent.spec),
        name: names[at] ?? pickName(isTaken, ctx.randomBytes),
        state: "creating",
        ephemeral: false,
        createdAt: ctx.clock.now(),
        startedAt: null,
        failure: null,
        startedHow: null,
        suspended: null,
        pausedBy: null,
        troubles: [],
        loopbackAddress: ctx.store.vms.freeLoopbackAddress(id),
      };
      if (!ctx.store.vms.add(vm)) throw fail("VM_NAME_TAKEN", { name: vm.name });
      ctx.store.identities.set(vm.id, identity);
      ctx.store.identities.addCertificates(vm.id, ctx.store.identities.certificates(parent.id) ?? []);
      return { vm, change: ctx.store.journal.begin("create", vm.id, "files") };
    }),
  );
  for (const { vm } of children) emitState(ctx, vm.id, "");
  return children;
}

type SaveParent = { files: SavedPaths; children: readonly Child[]; emit: Emit; signal: AbortSignal };

/** The disks are copied while the parent is paused, so that they match the saved memory. */
async function saveParent(
  ctx: LifeContext,
  parent: VmRecord,
  { files, children, emit, signal }: SaveParent,
): Promise<SaveRecord> {
  const copy = async () => {
    await Promise.all(
      children.map(async ({ vm }) => {
        const { directory, disk } = ctx.paths.vm(vm.id);
        await ctx.files.ensureFolder(directory);
        await copyDiskAloud(ctx, ofVm(ctx, parent, disk), emit);
      }),
    );
  };
  emit({ kind: "progress", step: "save", text: `saving ${parent.name}` });
  if (parent.suspended) {
    await requireSuspendedFiles(ctx, await putDiskBack(ctx, parent));
    const kept = saveOf(parent.suspended.save, ctx.paths.suspended(parent.id));
    await ctx.copySparse(kept.files.memory, files.memory, 0);
    await ctx.copySparse(kept.files.state, files.state, 0);
    await copy();
    return kept.record;
  }
  return saveAndResume(ctx, { vm: parent, live: requireLive(ctx, parent), files }, signal, copy);
}

async function startChild(
  ctx: LifeContext,
  { vm, change }: Child,
  source: SavedSource,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  await ctx.operations.run(vm, "create", async (interrupted) => {
    ctx.store.transaction(() => {
      change.end();
      ctx.store.vms.change(vm.id, { state: "stopped" });
    });
    emitState(ctx, vm.id, "created");
    const caller = { emit, signal: AbortSignal.any([signal, interrupted]), interrupted };
    await startVm(ctx, startOfSaved(ctx, freshVm(ctx, vm), source, caller));
  });
}

async function removeChild(ctx: LifeContext, vm: VmRecord): Promise<void> {
  await ctx.unlessReleased();
  await preemptVm(ctx, vm.id, "delete", async () => {
    const now = ctx.store.vms.byId(vm.id);
    if (now) await deleteVm(ctx, now);
  });
}

/** A port of the host is one VM's: a fork has only those of its own address. */
function withoutPublished({ publish: _, ...spec }: VmSpec): VmSpec {
  return spec;
}
