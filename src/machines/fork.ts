/**
 * `vm fork`: children that go on from where their parent is, with its processes and open files, each a machine of its own.
 * The parent stands still for the save alone; children share its memory until they change it.
 */
import { fail } from "../base/errors/error.ts";
import { parseVmName, type VmName } from "../base/names.ts";
import { UndoStack } from "../base/undo.ts";
import type { Emit } from "../model/event.ts";
import type { SavedPaths } from "../model/paths.ts";
import type { VmRecord } from "../model/vm.ts";
import type { VmIdentity } from "../store/identities.ts";
import type { OpenChange } from "../store/journal.ts";
import type { SaveRecord } from "../vmm/driver.ts";
import type { Context } from "./context.ts";
import { copyDiskAloud, ofVm } from "./copy-disk.ts";
import { deleteVm } from "./delete.ts";
import { discard } from "./discard.ts";
import { preemptVm } from "./end-vmm.ts";
import { makeIdentity } from "./identity.ts";
import { requireLive } from "./live.ts";
import { type Origin, saveOf } from "./origin.ts";
import { requireSuspendedFiles } from "./same-disk.ts";
import { saveAndGoOn } from "./saving.ts";
import { startVm } from "./start.ts";
import { freshVm, tell } from "./state.ts";
import { pickName } from "./vm-names.ts";

export type ForkRequest = {
  /** of the children; as many as are missing up to `count` are picked */
  names: readonly string[];
  count?: number;
};

type Child = { vm: VmRecord; change: OpenChange };

/** The caller holds the parent's operation. All children or none. @throws VM_NAME_TAKEN, SAVE_FAILED, DISK_FULL, … */
export async function forkVm(
  ctx: Context,
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
    const origin: Origin = {
      kind: "save",
      save: saveOf(save, files),
      disk: null,
      what: `a fork of ${parent.name}`,
      template: null,
      goesOn: false,
    };
    await Promise.all(children.map((child) => startChild(ctx, child, origin, emit, signal)));
    undo.keep();
  } finally {
    await ctx.unlessReleased();
    await removeSave();
  }
  return children.map(({ vm }) => freshVm(ctx, vm));
}

function addChildren(ctx: Context, parent: VmRecord, names: readonly VmName[], identities: VmIdentity[]): Child[] {
  const isTaken = (name: VmName) => ctx.store.vms.byName(name) !== null || names.includes(name);
  const children = ctx.store.transaction(() =>
    identities.map((identity, at) => {
      const vm: VmRecord = {
        ...parent,
        id: ctx.randomId(),
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
      };
      if (!ctx.store.vms.add(vm)) throw fail("VM_NAME_TAKEN", { name: vm.name });
      ctx.store.identities.set(vm.id, identity);
      ctx.store.identities.addCertificates(vm.id, ctx.store.identities.certificates(parent.id) ?? []);
      return { vm, change: ctx.store.journal.begin("create", vm.id, "files") };
    }),
  );
  for (const { vm } of children) tell(ctx, vm.id, "");
  return children;
}

type SaveParent = { files: SavedPaths; children: readonly Child[]; emit: Emit; signal: AbortSignal };

/** The disks are copied while the parent stands still: memory and disk are of one moment. */
async function saveParent(
  ctx: Context,
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
    await requireSuspendedFiles(ctx, parent);
    const kept = saveOf(parent.suspended.save, ctx.paths.suspended(parent.id));
    await ctx.copySparse(kept.files.memory, files.memory, 0);
    await ctx.copySparse(kept.files.state, files.state, 0);
    await copy();
    return kept.record;
  }
  return saveAndGoOn(ctx, { vm: parent, live: requireLive(ctx, parent), files }, signal, copy);
}

async function startChild(
  ctx: Context,
  { vm, change }: Child,
  origin: Origin,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  await ctx.operations.run(vm, "create", async (interrupted) => {
    ctx.store.transaction(() => {
      change.end();
      ctx.store.vms.change(vm.id, { state: "stopped" });
    });
    tell(ctx, vm.id, "created");
    const either = AbortSignal.any([signal, interrupted]);
    await startVm(ctx, freshVm(ctx, vm), { origin, hasDisk: true, emit, signal: either });
  });
}

async function removeChild(ctx: Context, vm: VmRecord): Promise<void> {
  await ctx.unlessReleased();
  await preemptVm(ctx, vm.id, "delete", async () => {
    const now = ctx.store.vms.byId(vm.id);
    if (now) await deleteVm(ctx, now);
  });
}
