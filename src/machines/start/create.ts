/** Making a VM: everything is decided first, then its row, then its files. */
import { fail } from "../../base/errors/error.ts";
import { parseVmName, type VmId, type VmName } from "../../base/names.ts";
import { formatSize } from "../../base/units.ts";
import { defaultKernel, suiteOf } from "../../kernels/names.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { Emit, SpecEvent } from "../../model/event.ts";
import { describeNetwork, type NetworkRequest } from "../../model/network.ts";
import type { PublishedPort } from "../../model/ports.ts";
import type { VmRecord, VmSpec } from "../../model/vm.ts";
import { describeVmm } from "../../model/vmm.ts";
import type { OpenChange } from "../../store/journal.ts";
import { diskCount } from "../guest/boot-spec.ts";
import { chooseVmm } from "../guest/choose-vmm.ts";
import { withDiskFullError } from "../guest/disk-full-error.ts";
import { makeIdentity } from "../guest/identity.ts";
import { emitState, setState } from "../guest/state.ts";
import type { UsableProbe } from "../guest/usable-vmm.ts";
import { findKernel, kernelIfAny, prepareArtifacts } from "../images/artifacts.ts";
import { findImage, imageIfAny, waysTo } from "../images/find-image.ts";
import type { SizeRequest, StartContext } from "./context.ts";
import { removeVm } from "./delete.ts";
import { requireHost } from "./host-needs.ts";
import { pickName } from "./vm-names.ts";
import { requireFits, type WorkspaceSize } from "./workspace-fits.ts";

export type CreateRequest = SizeRequest & {
  name?: string;
  image?: string;
  kernel?: string;
  network?: NetworkRequest;
  /** the name of a driver, or `auto` */
  vmm?: string;
  env?: Record<string, string>;
  /** its guest can run VMs of its own */
  nested?: boolean;
  /** suspended after this time without use, in `ms` */
  idleMs?: number;
  /** ports of the host that are forwarded to it while it runs */
  publish?: readonly PublishedPort[];
  /** false: what listens in it is not forwarded by itself */
  forward?: boolean;
  /** ports of the host's loopback that it may reach */
  allowHost?: readonly number[];
  /** what will be copied to its disk */
  workspace?: WorkspaceSize;
  /** the entries of `file_sync` are copied once it has started for the first time */
  awaitsSync?: boolean;
  /** deleted when its hold ends */
  ephemeral: boolean;
  /** pid of the process that takes an ephemeral VM's first hold */
  holder?: number;
};

const defaultImage = "debian-bookworm";

/** A new VM's row, and its creation as the journal has it. */
export type Reserved = { vm: VmRecord; creation: OpenChange };

/** Reserves the name of a new VM whose spec is decided. Nothing is on disk yet. @throws VM_NAME_TAKEN, DISK_FULL */
export async function reserveVm(
  ctx: StartContext,
  request: CreateRequest,
  { spec, image, kernel }: Decided,
  id: VmId,
): Promise<Reserved> {
  const identity = await makeIdentity(ctx);
  const reserved = await withDiskFullError(ctx, ctx.paths.database, "writing its record", async () =>
    ctx.store.transaction(() => {
      const vm = newRecord(ctx, request, spec, id);
      // deleted since it was found
      findImage(ctx, image.digest);
      findKernel(ctx, kernel.digest);
      if (!ctx.store.vms.add(vm)) throw fail("VM_NAME_TAKEN", { name: vm.name });
      ctx.store.identities.set(vm.id, identity);
      return { vm, creation: ctx.store.journal.begin("create", vm.id, "files") };
    }),
  );
  emitState(ctx, reserved.vm.id, "");
  return reserved;
}

export type Decided = { spec: VmSpec; image: ImageRecord; kernel: KernelRecord; probe: UsableProbe };

/**
 * What a VM as requested would be. If its image or kernel is still missing, its other needs are checked first.
 * @throws WORKSPACE_TOO_LARGE, what `chooseVmm` and `requireHost` throw, IMAGE_NOT_FOUND, KERNEL_NOT_FOUND
 */
export async function decideSpec(ctx: StartContext, request: CreateRequest, emit: Emit): Promise<Decided> {
  const { provenance, ...sizes } = await ctx.sizes(request);
  const network = await ctx.networkSpec(request.network ?? {});
  if (request.workspace) requireFits(request.workspace, sizes.diskBytes);
  const wanted = wantedArtifacts(ctx, request);
  requirePossible(ctx, wanted);
  const known = imageIfAny(ctx, wanted.image);
  const { nested = false } = request;
  const knownKernel = kernelIfAny(ctx, wanted.kernel);
  const needs = { vcpu: sizes.vcpu, disks: diskCount(known), network, nested, kernel: knownKernel };
  const { vmm, probe } = await chooseVmm(ctx, request.vmm, needs);
  const chosen = { ...sizes, network, vmm };
  const missing = { image: !known, kernel: !knownKernel };
  if (missing.image || missing.kernel) await requireHost(ctx, chosen, { probe }, missing, emit);
  emitSpec(emit, { ...chosen, ...wanted, provenance });
  const image = findImage(ctx, wanted.image);
  const kernel = findKernel(ctx, wanted.kernel);
  const spec: VmSpec = {
    ...chosen,
    image: { name: image.name, digest: image.digest },
    kernel: { name: kernel.name, digest: kernel.digest },
    env: request.env ?? {},
    ...(nested && { nested }),
    ...(request.idleMs === undefined ? {} : { idleMs: request.idleMs }),
    ...(request.publish?.length && { publish: request.publish }),
    ...(request.forward === false && { forward: false as const }),
    ...(request.allowHost?.length && { allowHost: request.allowHost }),
  };
  return { spec, image, kernel, probe };
}

/** An image may name the kernel that it wants. */
function wantedArtifacts(ctx: StartContext, request: CreateRequest): { image: string; kernel: string } {
  const image = request.image ?? defaultImage;
  const known = request.kernel ?? imageIfAny(ctx, image)?.kernel;
  return { image, kernel: known ?? defaultKernel };
}

/** What can be made on the way is missed after the spec was said, what nothing can make before it. */
function requirePossible(ctx: StartContext, { image, kernel }: { image: string; kernel: string }): void {
  const { recipe, pull } = waysTo(ctx, image);
  if (recipe === undefined && pull === undefined) findImage(ctx, image);
  if (suiteOf(kernel) === null) findKernel(ctx, kernel);
}

/** Makes the folder and empty disk of a VM that stays stopped. On failure nothing of the VM is left. @throws DISK_FULL, what checks throw, VM_CANCELLED */
export async function makeVm(ctx: StartContext, { vm, creation }: Reserved, signal: AbortSignal): Promise<void> {
  await orRemove(ctx, vm, signal, async () => {
    const work = [makeFiles(ctx, vm), prepareArtifacts(ctx, vm.spec)] as const;
    await Promise.allSettled(work);
    await Promise.all(work);
    if (signal.aborted) throw signal.reason;
    ctx.store.transaction(() => {
      creation.end();
      ctx.store.vms.change(vm.id, { state: "stopped" });
    });
    emitState(ctx, vm.id, "created");
  });
}

/** Runs a part of a VM's creation. */
export async function orRemove<T>(
  ctx: StartContext,
  vm: VmRecord,
  signal: AbortSignal,
  part: () => Promise<T>,
): Promise<T> {
  try {
    return await part();
  } catch (error) {
    await ctx.unlessReleased();
    setState(ctx, vm.id, "deleting", "creating it failed");
    await removeVm(ctx, vm);
    throw signal.aborted ? fail("VM_CANCELLED", { name: vm.name, during: "creating" }, error) : error;
  }
}

async function makeFiles(ctx: StartContext, vm: VmRecord): Promise<void> {
  const files = ctx.paths.vm(vm.id);
  await withDiskFullError(ctx, files.directory, `making the disk of "${vm.name}"`, async () => {
    await ctx.files.ensureFolder(files.directory);
    await ctx.createDisk(files.disk, vm.spec.diskBytes);
  });
}

export function requireFreeName(ctx: StartContext, name: VmName): void {
  if (ctx.store.vms.byName(name)) throw fail("VM_NAME_TAKEN", { name });
}

/** Runs inside the transaction that adds it, so that a picked name and address stay free. */
function newRecord(ctx: StartContext, request: CreateRequest, spec: VmSpec, id: VmId): VmRecord {
  const isTaken = (name: VmName) => ctx.store.vms.byName(name) !== null;
  return {
    id,
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
    pausedBy: null,
    troubles: [],
    loopbackAddress: ctx.store.vms.freeLoopbackAddress(id),
    syncedPaths: [],
    awaitsSync: request.awaitsSync ?? false,
  };
}

/** The line that every creating command prints first. */
function emitSpec(emit: Emit, spec: Omit<SpecEvent, "kind" | "text">): void {
  const { vcpu, memoryMib, diskBytes, image, kernel, network, vmm } = spec;
  const sizes = `${vcpu} vcpu, ${formatSize(memoryMib * 1024 * 1024, 1)} memory, ${formatSize(diskBytes)} disk`;
  emit({
    kind: "spec",
    text: `${sizes}, image ${image}, kernel ${kernel}, network ${describeNetwork(network)}, vmm ${describeVmm(vmm)}`,
    ...spec,
  });
}
