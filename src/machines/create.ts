/** Making a VM: everything is decided first, then its row, then its files. */
import { BangerError, fail } from "../base/errors/error.ts";
import { parseVmName, type VmName } from "../base/names.ts";
import { formatSize } from "../base/units.ts";
import { defaultKernel, suiteOf } from "../kernels/names.ts";
import type { ImageRecord, KernelRecord } from "../model/artifact.ts";
import type { Emit, SpecEvent } from "../model/event.ts";
import type { NetworkKind, VmRecord, VmSpec } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import { findKernel, prepareArtifacts, type ReadyArtifacts } from "./artifacts.ts";
import type { Context } from "./context.ts";
import { forgetVm } from "./delete.ts";
import type { SizeRequest } from "./deps.ts";
import { findImage, imageIfAny, waysTo } from "./find-image.ts";
import { makeIdentity } from "./identity.ts";
import { cold, type Origin } from "./origin.ts";
import type { Phases } from "./phases.ts";
import { enter, tell } from "./state.ts";
import { originOf } from "./templates.ts";
import { pickName } from "./vm-names.ts";

export type CreateRequest = SizeRequest & {
  name?: string;
  image?: string;
  kernel?: string;
  network?: NetworkKind;
  env?: Record<string, string>;
  /** suspended after so long without use, in `ms` */
  idleMs?: number;
  /** deleted when its lease ends */
  ephemeral: boolean;
};

export const defaultImage = "debian-bookworm";

/** Decides everything about a new VM and reserves its name. Nothing is on disk yet. */
export async function decideVm(
  ctx: Context,
  request: CreateRequest,
  emit: Emit,
): Promise<{ vm: VmRecord; change: OpenChange }> {
  if (request.name !== undefined) requireFreeName(ctx, parseVmName(request.name));
  const { spec, image, kernel } = await decideSpec(ctx, request, emit);
  const identity = await makeIdentity(ctx);
  const made = await sayingDiskFull(ctx, ctx.paths.database, "writing its record", async () =>
    ctx.store.transaction(() => {
      const vm = newRecord(ctx, request, spec);
      // deleted since it was found
      findImage(ctx, image.digest);
      findKernel(ctx, kernel.digest);
      if (!ctx.store.vms.add(vm)) throw fail("VM_NAME_TAKEN", { name: vm.name });
      ctx.store.identities.set(vm.id, identity);
      return { vm, change: ctx.store.journal.begin("create", vm.id, "files") };
    }),
  );
  tell(ctx, made.vm.id, "");
  return made;
}

/** What a VM as requested would be. @throws IMAGE_NOT_FOUND, KERNEL_NOT_FOUND */
export async function decideSpec(
  ctx: Context,
  request: CreateRequest,
  emit: Emit,
): Promise<{ spec: VmSpec; image: ImageRecord; kernel: KernelRecord }> {
  const { provenance, ...sizes } = await ctx.sizes(request);
  const chosen = { ...sizes, network: request.network ?? "user" };
  const wanted = wantedArtifacts(ctx, request);
  requirePossible(ctx, wanted);
  emitSpec(emit, { ...chosen, ...wanted, provenance });
  const image = findImage(ctx, wanted.image);
  const kernel = findKernel(ctx, wanted.kernel);
  const spec: VmSpec = {
    ...chosen,
    image: { name: image.name, digest: image.digest },
    kernel: { name: kernel.name, digest: kernel.digest },
    env: request.env ?? {},
    ...(request.idleMs === undefined ? {} : { idleMs: request.idleMs }),
  };
  return { spec, image, kernel };
}

/** An image may name the kernel that it wants. */
function wantedArtifacts(ctx: Context, request: CreateRequest): { image: string; kernel: string } {
  const image = request.image ?? defaultImage;
  const known = request.kernel ?? imageIfAny(ctx, image)?.kernel;
  return { image, kernel: known ?? defaultKernel };
}

/** What can be made on the way is missed after the spec was said, what nothing can make before it. */
function requirePossible(ctx: Context, { image, kernel }: { image: string; kernel: string }): void {
  const { recipe, pull } = waysTo(ctx, image);
  if (recipe === undefined && pull === undefined) findImage(ctx, image);
  if (suiteOf(kernel) === null) findKernel(ctx, kernel);
}

/** A VM that is started as soon as it is made begins where a template ends, if there can be one. */
export type Starting = { /** boot it, whatever templates there are */ cold: boolean; emit: Emit };

/**
 * Makes the VM's folder and disk. On failure nothing of the VM is left.
 * @param starting null: it stays stopped, and its disk is an empty one
 * @throws DISK_FULL, what checks throw, VM_CANCELLED
 */
export async function makeVm(
  ctx: Context,
  made: { vm: VmRecord; change: OpenChange },
  starting: Starting | null,
  signal: AbortSignal,
  phases: Phases,
): Promise<{ artifacts: ReadyArtifacts; origin: Origin }> {
  const { vm, change } = made;
  try {
    const parts = await (starting ? partsToStart(ctx, vm, starting, signal, phases) : partsToKeep(ctx, vm));
    if (signal.aborted) throw signal.reason;
    ctx.store.transaction(() => {
      change.end();
      ctx.store.vms.change(vm.id, { state: "stopped" });
    });
    tell(ctx, vm.id, "created");
    return parts;
  } catch (error) {
    await ctx.unlessReleased();
    enter(ctx, vm.id, "deleting", "creating it failed");
    await forgetVm(ctx, vm);
    throw signal.aborted ? fail("VM_CANCELLED", { name: vm.name, during: "creating" }, error) : error;
  }
}

async function partsToKeep(ctx: Context, vm: VmRecord) {
  const work = [makeFiles(ctx, vm, null), prepareArtifacts(ctx, vm.spec)] as const;
  await Promise.allSettled(work);
  const [, artifacts] = await Promise.all(work);
  return { artifacts, origin: cold("it stays stopped") };
}

async function partsToStart(
  ctx: Context,
  { spec, ...vm }: VmRecord,
  { cold: isCold, emit }: Starting,
  signal: AbortSignal,
  phases: Phases,
) {
  const artifacts = await prepareArtifacts(ctx, spec);
  phases.mark("image");
  const origin = isCold ? cold("as was asked") : await originOf(ctx, { spec, artifacts }, emit, signal);
  phases.mark("template");
  await makeFiles(ctx, { ...vm, spec }, origin);
  phases.mark("disk");
  return { artifacts, origin };
}

async function makeFiles(ctx: Context, vm: VmRecord, origin: Origin | null): Promise<void> {
  const files = ctx.paths.vm(vm.id);
  const from = origin?.kind === "save" ? origin.disk : null;
  await sayingDiskFull(ctx, files.directory, `making the disk of "${vm.name}"`, async () => {
    await ctx.files.ensureFolder(files.directory);
    if (from) await ctx.copySparse(from.path, files.disk, vm.spec.diskBytes);
    else await ctx.createDisk(files.disk, vm.spec.diskBytes);
  });
}

/** Runs `body`; a full file system becomes DISK_FULL. */
async function sayingDiskFull<T>(ctx: Context, path: string, during: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof BangerError || !ctx.isDiskFull(error)) throw error;
    throw fail("DISK_FULL", { path, during }, error);
  }
}

function requireFreeName(ctx: Context, name: VmName): void {
  if (ctx.store.vms.byName(name)) throw fail("VM_NAME_TAKEN", { name });
}

/** Runs inside the transaction that adds it, so that a picked name stays free. */
function newRecord(ctx: Context, request: CreateRequest, spec: VmSpec): VmRecord {
  const isTaken = (name: VmName) => ctx.store.vms.byName(name) !== null;
  return {
    id: ctx.randomId(),
    name: request.name === undefined ? pickName(isTaken, ctx.randomBytes) : parseVmName(request.name),
    state: "creating",
    spec,
    ephemeral: request.ephemeral,
    createdAt: ctx.clock.now(),
    startedAt: null,
    generation: 0,
    failure: null,
    startedHow: null,
    suspended: null,
  };
}

/** The one line that every creating command prints first. */
function emitSpec(emit: Emit, spec: Omit<SpecEvent, "kind" | "text">): void {
  const { vcpu, memoryMib, diskBytes, image, kernel, network } = spec;
  const sizes = `${vcpu} vcpu, ${formatSize(memoryMib * 1024 * 1024, 1)} memory, ${formatSize(diskBytes)} disk`;
  emit({ kind: "spec", text: `${sizes}, image ${image}, kernel ${kernel}, network ${network}`, ...spec });
}
