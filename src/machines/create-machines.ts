import { parseImageName, parseVmName } from "../base/names.ts";
import type { ImagePart, ImageRecord, ImageView, KernelView } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { PortView } from "../model/ports.ts";
import type { VmRecord, VmView } from "../model/vm.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { MachinesDeps } from "./deps.ts";
import { preemptVm } from "./guest/end-vmm.ts";
import type { PortListener, StateListener } from "./guest/events.ts";
import { requireLive } from "./guest/live.ts";
import { waitReady } from "./guest/ready.ts";
import { findVm, freshVm, requireState } from "./guest/state.ts";
import { deleteKernel, exportKernel, findKernel, importKernel, viewKernel, viewKernels } from "./images/artifacts.ts";
import type { ArchiveUpload, PullRequest, Upload } from "./images/artifacts-port.ts";
import { pullKernel, viewCatalog } from "./images/catalog.ts";
import { findImage } from "./images/find-image.ts";
import {
  deleteImage,
  exportImage,
  exportRootfs,
  importArchive,
  importImage,
  pullImage,
  tagImage,
  viewImage,
  viewImages,
} from "./images/images.ts";
import { importDisk } from "./images/import-disk.ts";
import { type SaveRequest, saveVm } from "./images/save.ts";
import type { LifeContext } from "./life/context.ts";
import { type Hold, takeHold } from "./life/holds.ts";
import { watchHostPorts } from "./life/host-ports.ts";
import { beginUse, type Use } from "./life/idle.ts";
import { noteSynced, type SyncNote } from "./life/note-synced.ts";
import { beginPorts, viewPorts } from "./life/ports.ts";
import { powerMethods, type StartOptions } from "./life/power-methods.ts";
import { reconcile } from "./life/reconcile.ts";
import { renameVm } from "./life/rename.ts";
import { saveMethods } from "./life/save-methods.ts";
import { viewVm } from "./life/view.ts";
import { waitForEnd } from "./life/wait.ts";
import { wakeVm } from "./life/wake.ts";
import type { Created, Machines } from "./machines.ts";
import { createRuntime, type Runtime } from "./runtime.ts";
import { type CreateRequest, decideSpec, makeVm, requireFreeName, reserveVm } from "./start/create.ts";
import { createAndStart } from "./start/create-start.ts";
import { deleteVm } from "./start/delete.ts";
import { type PruneRequest, pruneImages } from "./templates/prune.ts";
import { retireWarm } from "./templates/warm.ts";

export function createMachines(deps: MachinesDeps): Machines {
  const runtime = createRuntime(deps);
  const { ctx } = runtime;
  return {
    ...lifecycleMethods(ctx),
    ...powerMethods(ctx),
    ...saveMethods(ctx),
    ...queries(ctx),
    ...artifactMethods(ctx),
    ...daemonMethods(runtime),
  };
}

function lifecycleMethods(ctx: LifeContext) {
  return {
    /**
     * Makes a VM; with `start` it is running and ready as asked when this resolves. An ephemeral one comes with its
     * first hold, which the caller ends.
     */
    async create(
      request: CreateRequest,
      start: StartOptions | null,
      emit: Emit,
      signal: AbortSignal,
    ): Promise<Created> {
      const made = start
        ? await createAndStart(ctx, request, start.cold ?? false, { emit, signal })
        : { vm: await createStopped(ctx, request, emit, signal), live: null };
      const hold = request.ephemeral ? takeHold(ctx, made.vm, request.holder) : null;
      try {
        if (made.live && start) await waitReady(ctx, made.live, made.vm, start.wait, emit, signal);
        return { vm: freshVm(ctx, made.vm), hold };
      } catch (error) {
        hold?.end();
        throw error;
      }
    },

    async delete(name: string): Promise<VmRecord> {
      const vm = findVm(ctx, name);
      await preemptVm(ctx, vm.id, "delete", async () => {
        const now = ctx.store.vms.byId(vm.id);
        if (now) await deleteVm(ctx, now);
      });
      return vm;
    },

    async rename(name: string, to: string): Promise<VmRecord> {
      const vm = findVm(ctx, name);
      const target = parseVmName(to);
      return ctx.operations.run(vm, "rename", () => renameVm(ctx, freshVm(ctx, vm), target));
    },

    noteSynced: (name: string, noted: SyncNote): VmRecord => noteSynced(ctx, findVm(ctx, name), noted),

    /** A stopped VM as an image; the VM stays as it is. */
    async save(name: string, request: SaveRequest, emit: Emit, signal: AbortSignal): Promise<ImageRecord> {
      const vm = findVm(ctx, name);
      parseImageName(request.image);
      return ctx.operations.run(vm, "save", (interrupted) => {
        const now = freshVm(ctx, vm);
        requireState(now, "save", ["stopped", "failed"], `stop it with \`banger vm stop ${name}\``);
        return saveVm(ctx, now, request, emit, AbortSignal.any([signal, interrupted]));
      });
    },
  };
}

async function createStopped(
  ctx: LifeContext,
  request: CreateRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<VmRecord> {
  if (request.name !== undefined) requireFreeName(ctx, parseVmName(request.name));
  const made = await reserveVm(ctx, request, await decideSpec(ctx, request, emit), ctx.randomId());
  const { vm } = made;
  await ctx.operations.run(vm, "create", (interrupted) => makeVm(ctx, made, AbortSignal.any([signal, interrupted])));
  return vm;
}

function queries(ctx: LifeContext) {
  return {
    find: (name: string): VmRecord => findVm(ctx, name),
    all: (): VmRecord[] => ctx.store.vms.all(),
    view: (vm: VmRecord): Promise<VmView> => viewVm(ctx, vm),
    waitForEnd: (name: string, signal: AbortSignal) => waitForEnd(ctx, name, signal),
    subscribe: (listener: StateListener) => ctx.events.subscribe(listener),
    subscribePorts: (listener: PortListener) => ctx.portEvents.subscribe(listener),
    ports: (name: string): PortView[] => viewPorts(ctx, findVm(ctx, name)),

    /**
     * The agent's session of a running VM, which counts as used until `end`; a suspended one is woken, unless `wakes` is false.
     * @throws VM_STATE, AGENT_UNREACHABLE, and what waking throws
     */
    async session(name: string, { wakes = true } = {}): Promise<{ vm: VmRecord; client: AgentClient } & Use> {
      const found = findVm(ctx, name);
      const use = beginUse(ctx, found.id);
      try {
        const vm = wakes ? await ensureAwake(ctx, found) : found;
        requireState(vm, "open a session in", ["running"], nextForSession(vm));
        const client = await requireLive(ctx, vm).session.client(ctx.timings.reconnectMs);
        beginPorts(ctx, vm.id, client);
        // its first command finds them
        await watchHostPorts(ctx, vm);
        return { vm, client, end: use.end };
      } catch (error) {
        use.end();
        throw error;
      }
    },

    logFile(name: string, source: "console" | "vmm"): { path: string; vm: VmRecord } {
      const vm = findVm(ctx, name);
      const files = ctx.paths.vm(vm.id);
      return { path: source === "console" ? files.serialLog : files.vmmLog, vm };
    },

    /** pids of every VMM and network process: none of their children may talk to the daemon */
    vmProcesses(): number[] {
      const { processes, vms } = ctx.store;
      const noted = vms.all().flatMap((vm) => [processes.vmm(vm.id)?.process.pid, processes.network(vm.id)?.pid]);
      return [...noted.filter((pid) => pid !== undefined), ...ctx.unlisted];
    },
  };
}

/** Operations after which a VM can be used: a session waits for their end. */
const passing: ReadonlySet<string | null> = new Set(["suspend", "start", "restore"]);

/** Wakes a suspended VM for use; concurrent callers share one wake. */
async function ensureAwake(ctx: LifeContext, stale: VmRecord): Promise<VmRecord> {
  const { operations } = ctx;
  const mayPass = operations.isBeginning(stale.id) || passing.has(operations.busyWith(stale.id));
  if (stale.state !== "suspended" && !mayPass) return stale;
  await ctx.operations.queue(stale.id, "start", async (interrupted) => {
    const vm = freshVm(ctx, stale);
    if (!vm.suspended) return;
    ctx.log.info("waking for a session", { vm: vm.name });
    const emit: Emit = (event) =>
      event.kind === "note" && ctx.log.info("while waking", { vm: vm.name, note: event.text });
    await wakeVm(ctx, vm, emit, interrupted);
  });
  return freshVm(ctx, stale);
}

function nextForSession(vm: VmRecord): string {
  if (vm.pausedBy) return vm.pausedBy.next;
  if (vm.state === "paused") return `resume it with \`banger vm resume ${vm.name}\``;
  if (vm.state === "stopped" || vm.state === "failed") return `start it with \`banger vm start ${vm.name}\``;
  if (vm.state === "starting") return `wait until it runs: \`banger vm start ${vm.name}\``;
  return `see \`banger vm show ${vm.name}\``;
}

function artifactMethods(ctx: LifeContext) {
  return {
    images: (): Promise<ImageView[]> => viewImages(ctx),
    findImage: (name: string): ImageRecord => findImage(ctx, name),
    showImage: async (name: string, verify: boolean): Promise<ImageView> =>
      viewImage(ctx, findImage(ctx, name), { verify }),
    importImage: (upload: Upload, emit: Emit, signal: AbortSignal) => importImage(ctx, upload, emit, signal),
    importDisk: (upload: Upload, emit: Emit, signal: AbortSignal) => importDisk(ctx, upload, emit, signal),
    importArchive: (upload: ArchiveUpload, emit: Emit, signal: AbortSignal) => importArchive(ctx, upload, emit, signal),
    pullImage: (request: PullRequest, emit: Emit, signal: AbortSignal) => pullImage(ctx, request, emit, signal),
    exportImage: (name: string, signal: AbortSignal, use: (tar: AsyncIterable<Uint8Array>) => Promise<void>) =>
      exportImage(ctx, name, signal, use),
    exportRootfs: (
      name: string,
      part: ImagePart,
      signal: AbortSignal,
      use: (tar: AsyncIterable<Uint8Array>) => Promise<void>,
    ) => exportRootfs(ctx, name, part, signal, use),
    catalog: (signal: AbortSignal) => viewCatalog(ctx, signal),
    tagImage: async (name: string, to: string): Promise<ImageView> => viewImage(ctx, tagImage(ctx, name, to)),
    pruneImages: (request: PruneRequest) => pruneImages(ctx, request),
    deleteImage: (name: string) => deleteImage(ctx, name),
    kernels: (): Promise<KernelView[]> => viewKernels(ctx),
    showKernel: async (name: string, verify: boolean): Promise<KernelView> =>
      viewKernel(ctx, findKernel(ctx, name), verify),
    findKernel: (name: string) => findKernel(ctx, name),
    importKernel: (upload: Upload, emit: Emit, signal: AbortSignal) => importKernel(ctx, upload, emit, signal),
    pullKernel: (name: string, emit: Emit, signal: AbortSignal) => pullKernel(ctx, name, emit, signal),
    exportKernel: (name: string, signal: AbortSignal, use: (tar: AsyncIterable<Uint8Array>) => Promise<void>) =>
      exportKernel(ctx, name, signal, use),
    deleteKernel: (name: string) => deleteKernel(ctx, name),
  };
}

function daemonMethods({ ctx, idle, release }: Runtime) {
  return {
    /** @throws VM_NOT_FOUND, VM_STATE when it is not ephemeral */
    hold: (name: string, holder?: number): Hold => takeHold(ctx, findVm(ctx, name), holder),
    /** Resolves when no background work is left. */
    idle,
    /** Ends the warm VM; run before `release`. */
    retire: () => retireWarm(ctx),
    /** Run once, before anything is served. */
    reconcile: () => reconcile(ctx),
    /** What could not be removed since this daemon began. */
    leftovers: () => ctx.leftovers.all(),
    /** Detaches from every VM; they keep running. */
    release,
  };
}
