/** Everything that can be done with VMs, images and kernels: the one door to lifecycle policy. */
import { toBangerError } from "../base/errors/error.ts";
import { parseImageName, parseVmName } from "../base/names.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SharedWork } from "../base/shared-work.ts";
import type { ImagePart } from "../images/rootfs/export.ts";
import type { ImageRecord, ImageView, KernelView } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { VmRecord, VmView } from "../model/vm.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import { deleteKernel, exportKernel, findKernel, importKernel, viewKernel, viewKernels } from "./artifacts.ts";
import { pullKernel, viewCatalog } from "./catalog.ts";
import type { Context } from "./context.ts";
import { type CreateRequest, decideSpec, makeVm, requireFreeName, reserveVm } from "./create.ts";
import { createAndStart } from "./create-start.ts";
import { deleteVm } from "./delete.ts";
import type { ArchiveUpload, MachinesDeps, PullRequest, Upload } from "./deps.ts";
import { preemptVm } from "./end-vmm.ts";
import { StateEvents, type StateListener } from "./events.ts";
import { findImage } from "./find-image.ts";
import { beginUse, type Use, watchIdle } from "./idle.ts";
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
} from "./images.ts";
import { importDisk } from "./import-disk.ts";
import { type Lease, takeLease } from "./leases.ts";
import { Leftovers } from "./leftovers.ts";
import { dropLive, requireLive } from "./live.ts";
import { saves } from "./machines-saves.ts";
import { Operations } from "./operations.ts";
import { power, type StartOptions } from "./power.ts";
import { type PruneRequest, pruneImages } from "./prune.ts";
import { waitReady } from "./ready.ts";
import { reconcile } from "./reconcile.ts";
import { renameVm } from "./rename.ts";
import { type SaveRequest, saveVm } from "./save.ts";
import { settleEnd } from "./settle.ts";
import { noSpares, retireSpares } from "./spares.ts";
import { findVm, freshVm, requireState } from "./state.ts";
import { TemplateFiles } from "./template-files.ts";
import { viewVm } from "./view.ts";
import { settleStop } from "./vmm-stop.ts";
import { waitForEnd } from "./wait.ts";
import { wakeVm } from "./wake.ts";

export type Created = { vm: VmRecord; lease: Lease | null };

export type Machines = ReturnType<typeof createMachines>;

export function createContext(deps: MachinesDeps): Context {
  const released = { yes: false };
  const leftovers = new Leftovers(deps.log);
  const unreachable: Context["unreachable"] = new Map();
  const ctx: Context = {
    ...deps,
    leftovers,
    files: { ...deps.files, removeTree: (path) => leftovers.removing(path, deps.files.removeTree) },
    after: (ms, run) => deps.after(ms, () => void (released.yes || run())),
    unlessReleased: () => (released.yes ? new Promise(() => {}) : Promise.resolve()),
    release: () => {
      released.yes = true;
      for (const live of [...ctx.live.values()]) dropLive(ctx, live);
    },
    live: new Map(),
    unreachable,
    operations: new Operations(unreachable),
    events: new StateEvents(),
    leases: new Map(),
    onLive: ({ id }) => watchIdle(ctx, id),
    onStopped: (live) => settleStop(ctx, live),
    onEnd: (live, exit) => settleEnd(ctx, live, exit),
    background: (what, work) => {
      const logged = work
        .catch((error: unknown) => {
          leftovers.note(error);
          deps.log.warn(`${what} failed`, { error: toBangerError(error).message });
        })
        .then(() => void ctx.pending.delete(logged));
      ctx.pending.add(logged);
    },
    pending: new Set(),
    nobodys: new Set(),
    room: { isWatched: false, waitMs: deps.timings.roomMs.first, resumedAt: Number.NEGATIVE_INFINITY },
    idle: new Map(),
    restores: new Semaphore(deps.restoresAtOnce),
    gaps: { areNoted: false },
    spares: noSpares(),
    templates: {
      making: new SharedWork(),
      fresh: new Map(),
      broken: new Map(),
      failures: new Map(),
      files: new TemplateFiles(),
    },
    importing: { count: 0, removal: Promise.resolve() },
  };
  return ctx;
}

export function createMachines(deps: MachinesDeps) {
  const ctx = createContext(deps);
  return { ...lifecycle(ctx), ...power(ctx), ...saves(ctx), ...looking(ctx), ...artifacts(ctx), ...daemonSide(ctx) };
}

function lifecycle(ctx: Context) {
  return {
    /**
     * Makes a VM; with `start` it is running and ready as asked when this resolves. An ephemeral one comes with its
     * first lease, which the caller ends.
     */
    async create(
      request: CreateRequest,
      start: StartOptions | null,
      emit: Emit,
      signal: AbortSignal,
    ): Promise<Created> {
      const made = start
        ? await createAndStart(ctx, { request, cold: start.cold ?? false, emit, signal })
        : { vm: await createStopped(ctx, request, emit, signal), live: null };
      const lease = request.ephemeral ? takeLease(ctx, made.vm, request.holder) : null;
      try {
        if (made.live && start) await waitReady(ctx, made.live, made.vm, start.wait, emit, signal);
        return { vm: freshVm(ctx, made.vm), lease };
      } catch (error) {
        lease?.end();
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

async function createStopped(ctx: Context, request: CreateRequest, emit: Emit, signal: AbortSignal): Promise<VmRecord> {
  if (request.name !== undefined) requireFreeName(ctx, parseVmName(request.name));
  const made = await reserveVm(ctx, request, await decideSpec(ctx, request, emit), ctx.randomId());
  const { vm } = made;
  await ctx.operations.run(vm, "create", (interrupted) => makeVm(ctx, made, AbortSignal.any([signal, interrupted])));
  return vm;
}

function looking(ctx: Context) {
  return {
    find: (name: string): VmRecord => findVm(ctx, name),
    all: (): VmRecord[] => ctx.store.vms.all(),
    view: (vm: VmRecord): Promise<VmView> => viewVm(ctx, vm),
    waitForEnd: (name: string, signal: AbortSignal) => waitForEnd(ctx, name, signal),
    subscribe: (listener: StateListener) => ctx.events.subscribe(listener),

    /**
     * The agent's session of a running VM, which counts as used until `end`; a suspended one is woken.
     * @throws VM_STATE, AGENT_UNREACHABLE, and what waking throws
     */
    async session(name: string): Promise<{ vm: VmRecord; client: AgentClient } & Use> {
      const found = findVm(ctx, name);
      const use = beginUse(ctx, found.id);
      try {
        const vm = await awake(ctx, found);
        requireState(vm, "enter", ["running"], nextForEntering(vm));
        const client = await requireLive(ctx, vm).session.client(ctx.timings.reconnectMs);
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

    /** pids of every VMM and network process: none of their children may speak to the daemon */
    vmProcesses(): number[] {
      const { processes, vms } = ctx.store;
      const noted = vms.all().flatMap((vm) => [processes.vmm(vm.id)?.process.pid, processes.network(vm.id)?.pid]);
      return [...noted.filter((pid) => pid !== undefined), ...ctx.nobodys];
    },
  };
}

/** A VM that is used while one of these goes on waits for its end. */
const passing: ReadonlySet<string | null> = new Set(["suspend", "start", "restore"]);

/** A suspended VM wakes when it is used; all who come meanwhile wait for the one waking. */
async function awake(ctx: Context, stale: VmRecord): Promise<VmRecord> {
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

function nextForEntering(vm: VmRecord): string {
  if (vm.pausedBy) return vm.pausedBy.next;
  if (vm.state === "paused") return `let it go on with \`banger vm resume ${vm.name}\``;
  if (vm.state === "stopped" || vm.state === "failed") return `start it with \`banger vm start ${vm.name}\``;
  if (vm.state === "starting") return `wait until it runs: \`banger vm start ${vm.name}\``;
  return `see \`banger vm show ${vm.name}\``;
}

function artifacts(ctx: Context) {
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

function daemonSide(ctx: Context) {
  return {
    /** @throws VM_NOT_FOUND, VM_STATE when it is not ephemeral */
    lease: (name: string, holder?: number): Lease => takeLease(ctx, findVm(ctx, name), holder),
    /** Resolves when nothing goes on behind. */
    async idle(): Promise<void> {
      while (ctx.pending.size > 0) await Promise.all(ctx.pending);
    },
    /** Ends what is held ready for VMs to come; run before `release`. */
    retire: () => retireSpares(ctx),
    /** Run once, before anything is served. */
    reconcile: () => reconcile(ctx),
    /** What could not be removed since this daemon began. */
    leftovers: () => ctx.leftovers.all(),
    /** Lets go of every VM; they run on. */
    release: () => ctx.release(),
  };
}
