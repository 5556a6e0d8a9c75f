/** A daemon's machines over a world: what `bangerd` assembles, with a host in memory. */

import { basename } from "node:path";
import type { Digest } from "../../base/names.ts";
import { formatReference } from "../../base/reference.ts";
import type { Db } from "../../host/files/sqlite.ts";
import { fakeClock } from "../../host/testing/clock.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import { databaseCopies } from "../../host/testing/sqlite.ts";
import type { WorkEvent } from "../../model/event.ts";
import { decideNetwork } from "../../model/network.ts";
import { pathsOf } from "../../model/paths.ts";
import { createStore } from "../../store/store.ts";
import { digestOf, imageRecord, kernelRecord, layerRef } from "../../store/testing/records.ts";
import type { NetDevice } from "../../vmm/driver.ts";
import { combineDrivers } from "../../vmm/drivers.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { createMachines } from "../create-machines.ts";
import type { MachinesDeps } from "../deps.ts";
import type { PreparedNetwork } from "../guest/host.ts";
import type { Machines } from "../machines.ts";
import { Life, mortal } from "./life.ts";
import { World, type WorldVm, worldDriver } from "./world.ts";

export const paths = pathsOf({ state: "/s", cache: "/c", config: "/e", runtime: "/r" });

/** Long enough for what happens, short enough to wait for what does not. */
export const shortTimings = {
  agentMs: 25,
  restoredAgentMs: 25,
  reconnectMs: 25,
  tellMs: 25,
  syncMs: 25,
  growMs: 25,
  powerOffMs: 5,
  statsMs: 25,
  servicesMs: 10,
  graceMs: 10,
  holdGraceMs: 5,
  readerMs: 25,
  endingMs: 10,
  sweepMs: 30_000,
  adoptMs: 30_000,
  adoptAgainMs: 1,
  restoreTurnMs: 30_000,
  warmAfterMs: 30_000,
  warmAfterEndMs: 1,
  rehearsalMs: 50_000,
  warmMs: 60_000,
  roomMs: { first: 1, last: 4 },
};

export type Host = { world: World; db: Db };

const newDatabase = databaseCopies((db) => {
  const store = createStore(db, () => 0);
  store.images.put(imageRecord());
  store.kernels.put(kernelRecord());
});

/** A host with the default image and kernel. */
export function newHost(): Host {
  const db = newDatabase();
  const store = createStore(db, () => 0);
  const world = new World();
  for (const layer of store.images.layers()) world.paths.set(paths.layer(layer.digest), "squashfs");
  world.paths.set(paths.kernel(kernelRecord().digest).vmlinux, "kernel");
  world.paths.set(paths.kernel(kernelRecord().digest).vsockModules, "modules");
  return { world, db };
}

export function depsOf({ world, db }: Host): MachinesDeps {
  const clock = fakeClock();
  let random = 0;
  return {
    store: createStore(db, () => clock.now()),
    drivers: combineDrivers([worldDriver(world)]),
    vmmChoice: async (asked) => ({ choice: asked ?? "auto", why: "as requested" }),
    network: networkOf(world),
    files: filesOf(world),
    artifacts: artifactsOf(world),
    async createDisk(path) {
      world.failIf("createDisk");
      world.paths.set(path, "disk");
    },
    async copySparse(from, to) {
      world.failIf("copySparse");
      world.copy(from, to);
    },
    restoresAtOnce: 2,
    holders: { refOf: () => null, ended: async () => {} },
    hostCpu: async () => "a CPU",
    refillReserve: async () => {},
    isUntouched: async ({ files: { memory } }) => world.paths.get(memory) !== "spoiled",
    mayKeepWarm: async () => world.keepsWarm,
    idleLimit: async () => world.idleLimit,
    listen: async (address, port) => world.listen(address, port),
    dialHost: (port) => world.hostServices.dial(port),
    templateLimit: async () => world.templateLimit,
    confinement: async () => world.confinement,
    endStrays: async (directory) => world.endStrays(directory),
    connectAgent: (stream, { timeoutMs }) => connectGuest((stream as unknown as { vm: WorldVm }).vm, timeoutMs),
    sizes: async ({ vcpu = 2, memoryMib = 1024, diskBytes = 2 ** 33 }) => ({
      ...{ vcpu, memoryMib, diskBytes },
      provenance: {},
    }),
    hostNeeds: async () => ({ availableMemory: world.availableMemory, mkfs: world.hasMkfs ? "/sbin/mkfs.ext4" : null }),
    networkSpec: async (request) => decideNetwork(request, { kind: "user", deny: [] }, "system"),
    inheritance: async () => ({ authorizedKeys: ["key"], environment: { P: "1" }, caCertificates: [], notes: [] }),
    namesChanged: () => void world.namesChanged++,
    makeHostKey: () => ({ type: "ed25519", private: "private", public: "public" }),
    isDiskFull: (error) => (error as { code?: string }).code === "ENOSPC",
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random++ % 251),
    randomId: () => world.newId(),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    paths,
    clock,
    log: memoryLogger(),
    timings: shortTimings,
  };
}

/** A new daemon over the host; it has reconciled when this resolves, unless it died meanwhile. */
export async function startDaemon(
  host: Host,
  life = new Life(),
  changes: Partial<MachinesDeps> = {},
): Promise<Machines> {
  // the sockets of the one before are gone with it
  host.world.ports.clear();
  const machines = createMachines(mortal({ ...depsOf(host), ...changes }, life));
  const reconciled = machines.reconcile().catch((error: unknown) => {
    if (!life.dead) throw error;
  });
  await Promise.race([reconciled, life.death]);
  return machines;
}

/** Collects emitted events. */
export function recorder(): { events: WorkEvent[]; emit: (event: WorkEvent) => void; signal: AbortSignal } {
  const events: WorkEvent[] = [];
  return { events, emit: (event) => void events.push(event), signal: new AbortController().signal };
}

const mac = "02:00:00:00:00:01";

function networkOf(world: World): MachinesDeps["network"] {
  return {
    async kind({ kind }, [accepted = "stream"]) {
      world.failIf("network kind");
      return kind === "bridge" ? "tap" : accepted;
    },
    async prepare(vmPaths, { kind, deny }, [accepted = "stream"]) {
      world.failIf("network");
      if (kind === "bridge") return tapOf(world, basename(vmPaths.directory));
      const process = world.newProcess();
      world.networks.set(process.pid, vmPaths.directory);
      world.denied.set(process.pid, deny);
      world.paths.set(vmPaths.net, "");
      const identity = { address: "192.0.2.15", prefix: 24, gateway: "192.0.2.2", mac, dns: ["192.0.2.3"], search: [] };
      const device: NetDevice =
        accepted === "agent" ? { kind: accepted, mac } : { kind: "stream", socket: vmPaths.net, mac };
      return { device, identity, process };
    },
    async stop(process, { directory }) {
      if (process) world.networks.delete(process.pid);
      world.taps.delete(basename(directory));
    },
    forget: (id) => void world.leases.delete(id),
  };
}

function tapOf(world: World, id: string): PreparedNetwork {
  world.taps.add(id);
  world.leases.add(id);
  const identity = { address: "172.16.0.2", prefix: 24, gateway: "172.16.0.1", mac, dns: ["172.16.0.1"], search: [] };
  return { device: { kind: "tap", name: `bgr-${id}`, mac }, identity, process: null };
}

function filesOf(world: World): MachinesDeps["files"] {
  return {
    async ensureFolder(path) {
      world.failIf("ensureFolder");
      world.paths.set(path, "");
    },
    async removeTree(path) {
      world.failIf(`remove ${path}`);
      world.removeTree(path);
    },
    listFolder: async (path) => world.list(path),
    freeBytes: async () => world.freeBytes,
    usedBytes: async () => 4096,
    mountPoint: async () => "/",
    hasRoom: async (_folder, bytes) => world.freeBytes >= bytes,
    async rename(from, to) {
      world.failIf("rename");
      world.rename(from, to);
    },
    async shareBlocks(from, to) {
      world.failIf("shareBlocks");
      if (world.sharesBlocks) world.copy(from, to);
      return world.sharesBlocks;
    },
    makeDurable: async () => world.failIf("makeDurable"),
    // a file's text serves as its stamp
    changeStamps: async (paths) => paths.map((path) => world.paths.get(path) ?? null),
    contentStamps: async (paths) => paths.map((path) => world.paths.get(path) ?? null),
    tail: async (path) => world.paths.get(path) ?? "",
  };
}

function artifactsOf(world: World): MachinesDeps["artifacts"] {
  return {
    checkImage: async () => world.failIf("checkImage"),
    checkKernel: async () => world.failIf("checkKernel"),
    verifyImage: async () => world.failIf("verifyImage"),
    verifyKernel: async () => world.failIf("verifyKernel"),
    async initramfs() {
      world.failIf("initramfs");
      return "/c/initramfs/1.cpio";
    },
    async importImage(upload) {
      for await (const chunk of upload.tar) void chunk;
      const { source } = upload;
      return imageRecord({ name: upload.name as never, source, digest: contentDigest(source) });
    },
    async receiveDisk(upload) {
      world.failIf("receiveDisk");
      const path = `${paths.partial}/disk-1`;
      world.paths.set(path, "disk");
      for await (const chunk of upload.tar) void chunk;
      return path;
    },
    async importTree({ name, source, open }) {
      for await (const chunk of open()) void chunk;
      return imageRecord({ name: name as never, source });
    },
    async importKernel(upload) {
      for await (const chunk of upload.tar) void chunk;
      return kernelRecord({ name: upload.name as never, source: upload.source });
    },
    removeLayers: async (digests) => world.removeTrees(digests.map((digest) => paths.layer(digest))),
    removeKernels: async (digests) => world.removeTrees(digests.map((digest) => paths.kernel(digest).directory)),
    async importArchive(upload) {
      for await (const chunk of upload.tar) void chunk;
      return [imageRecord({ name: upload.name ?? upload.fallback ?? ("archive" as never), source: upload.source })];
    },
    async pullImage({ reference }) {
      const name = formatReference(reference);
      return { record: imageRecord({ name, source: `registry ${name}` }), sourceDigests: [digestOf("9")] };
    },
    exportImage: async function* () {
      yield new Uint8Array(1024);
    },
    async saveImage({ name, source, base, config, localCertificates, changes, direct }) {
      for (const stream of [localCertificates(), changes(), direct()]) for await (const chunk of stream) void chunk;
      const own = layerRef({ digest: digestOf("5") });
      world.paths.set(paths.layer(own.digest), "squashfs");
      return imageRecord({ name, source, config, digest: digestOf("6"), layers: [...base.layers, own] });
    },
    async removeStrays({ layers, kernels }) {
      const kept = new Set([...layers].map((digest) => paths.layer(digest)));
      for (const digest of kernels) kept.add(paths.kernel(digest).directory);
      const all = [paths.layers, paths.kernels].flatMap((folder) =>
        world.list(folder).map((one) => `${folder}/${one}`),
      );
      world.removeTrees(all.filter((path) => !kept.has(path)));
    },
    removeUnfinished: async () =>
      world.removeTrees(world.list(paths.partial).map((name) => `${paths.partial}/${name}`)),
    removeLeftovers: async () => ({ files: 0, bytes: 0 }),
    async findInCatalogs(kind, name) {
      const entry = world.catalog.find((one) => one.kind === kind && one.name === name) ?? null;
      return { entry, failures: world.catalogFailures.map((error) => ({ error, keptSince: null })) };
    },
    lookAtCatalogs: async () => ({
      entries: world.catalog,
      catalogs: world.catalogFailures.map((failure) => ({
        url: "https://c.example/catalog.toml",
        entries: [],
        failure,
        keptSince: null,
      })),
    }),
    catalogNames: (kind) => world.catalog.filter((one) => one.kind === kind).map(({ name }) => name),
    async pullImageBundle({ name, kernel }) {
      world.failIf("pullImageBundle");
      return imageRecord({ name, kernel, digest: digestOf("4"), source: "catalog https://c.example/catalog.toml" });
    },
    async pullKernelBundle({ name }) {
      world.failIf("pullKernelBundle");
      return kernelRecord({ name, digest: digestOf("5"), source: "catalog https://c.example/catalog.toml" });
    },
    exportRootfs: async function* () {
      yield new Uint8Array(1024);
    },
    exportKernel: async function* () {
      yield new Uint8Array(1024);
    },
    imageRecipe: (name) => (name === "debian-bookworm" ? name : undefined),
  };
}

/** Another source has another content; the default image's has the default image's. */
function contentDigest(source: string): Digest {
  if (source === imageRecord().source) return imageRecord().digest;
  return `sha256:${new Bun.CryptoHasher("sha256").update(source).digest("hex")}` as Digest;
}

async function connectGuest({ guest, isPaused }: WorldVm, timeoutMs: number): Promise<AgentClient> {
  if (guest.behaviour.answers && guest.exit === null && !isPaused) return guest.connect();
  await new Promise((resolve) => setTimeout(resolve, timeoutMs));
  throw new Error("no answer");
}
