/** Connects the lifecycle code to the real host: the one place that knows every implementation. */
import { dirname, join } from "node:path";
import { absolutePath } from "../config/home-path.ts";
import { loadConfig } from "../config/load.ts";
import { resolveSizes } from "../config/sizing.ts";
import { firecrackerProgram, vmmChoice } from "../config/vmm-choice.ts";
import { systemClock } from "../host/clock.ts";
import { availableMemory, type HostFacts, which } from "../host/facts.ts";
import {
  changeStamp,
  contentStamp,
  ensureFolder,
  exists,
  freeBytes,
  isDiskFull,
  listFolder,
  makeDurable,
  mountPoint,
  realPath,
  removeTree,
  rename,
  shareBlocks,
  tailBytes,
} from "../host/files/files.ts";
import { Reserve } from "../host/files/reserve.ts";
import { hasRoom } from "../host/files/room.ts";
import { openDatabase } from "../host/files/sqlite.ts";
import { usedBytes } from "../host/files/used-bytes.ts";
import { kvmCpu, withoutHidden } from "../host/kvm/cpu.ts";
import type { Logger } from "../host/log.ts";
import { connectTcp, listenTcp } from "../host/net/tcp.ts";
import { hostPace } from "../host/pace.ts";
import { missingTool } from "../host/packages.ts";
import { cgroupsIn } from "../host/process/cgroup-folder.ts";
import { processRef, signalProcess } from "../host/process/children.ts";
import { waitForExit } from "../host/process/end.ts";
import { createExec } from "../host/process/exec-node.ts";
import { createToolCage } from "../host/process/tool-cage.ts";
import { processesAbout } from "../host/process/tree.ts";
import { randomBytes, randomId } from "../host/random.ts";
import { createMachines } from "../machines/create-machines.ts";
import { type MachinesDeps, pacedTimings } from "../machines/deps.ts";
import type { Machines } from "../machines/machines.ts";
import { decideNetwork } from "../model/network.ts";
import type { Paths } from "../model/paths.ts";
import { networkPrograms } from "../network/user.ts";
import { makeHostKey } from "../ssh/keys.ts";
import { keepKnownHosts } from "../ssh/known-hosts-file.ts";
import { createStore } from "../store/store.ts";
import { createDataDisk, replaceByCopy } from "../vmm/disk.ts";
import type { VmmDrivers } from "../vmm/driver.ts";
import { combineDrivers } from "../vmm/drivers.ts";
import { createFirecrackerDriver } from "../vmm/firecracker/driver.ts";
import { createQemuDriver } from "../vmm/qemu/driver.ts";
import { isUntouched } from "../vmm/save-files.ts";
import { vmCgroups } from "../vmm/vm-cgroups.ts";
import { connectAgent } from "../wire/agent/client.ts";
import { wireArtifacts } from "./bangerd-artifacts.ts";
import { guestInheritance } from "./bangerd-inheritance.ts";
import { type SystemFacts, type WiredNetwork, wireNetwork } from "./bangerd-network.ts";
import { hostsOnBridge, renewLimits } from "./bangerd-running.ts";
import { definedOnly } from "./defined-only.ts";

export type WireFacts = {
  paths: Paths;
  facts: HostFacts;
  env: Record<string, string | undefined>;
  log: Logger;
  /** see `CacheOwner` */
  cacheSince: number;
  /** null: the daemon is a user's own */
  system: SystemFacts | null;
};
export type Wired = {
  machines: Machines;
  drivers: VmmDrivers;
  /** see `BridgeNetwork` */
  networkSettled: Promise<void>;
  /** see `WiredNetwork` */
  helper: WiredNetwork["helper"];
  /** see `WiredNetwork` */
  userDns: WiredNetwork["userDns"];
  close(): void;
};

export async function wireMachines({ paths, facts, env, log, cacheSince, system }: WireFacts): Promise<Wired> {
  const exec = createExec(definedOnly(env));
  const agent = env["BANGER_AGENT"] || join(dirname(process.execPath), "banger-vsock-agent");
  const config = () => loadConfig({ file: paths.configFile });
  const confinement = async () => (await config()).confinement;
  const cage = createToolCage({ exec, which, agent, confinement });
  const cgroups = system?.cgroup ? vmCgroups(cgroupsIn(system.cgroup)) : null;
  const host = { exec, which, realPath, env, agent, confinement, cgroups };
  const qemu = createQemuDriver({ ...host, tscFile: paths.tscFile });
  const program = async () => firecrackerProgram(await config(), facts.home);
  const { install } = missingTool("firecracker");
  const firecracker = createFirecrackerDriver({ ...host, program, install });
  const drivers = combineDrivers([firecracker, qemu]);
  const disk = { exec, blankDisk: paths.blankDisk, partial: paths.partial, blanks: new Map() };
  const caches = [paths.layers, paths.kernels, paths.partial, paths.blobs, paths.initramfsFolder];
  const folders = [paths.vms, ...caches, dirname(paths.blankDisk(0))];
  await Promise.all(folders.map((folder) => ensureFolder(folder)));
  const reserve = new Reserve(paths.reserve);
  await reserve.tidy();
  const store = createStore(openDatabase(paths.database, { makeRoom: () => reserve.release() }), () =>
    systemClock.now(),
  );
  const { mode, network, ...wired } = wireNetwork({ system, exec, which, agent, store, config, log, after });
  const keepHosts = keepKnownHosts({ path: paths.knownHosts, hosts: () => hostsOnBridge(store), log });
  if (system) await Promise.all([keepHosts(), renewLimits(cgroups, store, log)]);
  const deps: MachinesDeps = {
    store,
    drivers,
    vmmChoice: async (asked) => vmmChoice(asked, await config()),
    network,
    files,
    paths,
    log,
    isDiskFull: (error) => isDiskFull(error) || (error as { code?: unknown } | null)?.code === "SQLITE_FULL",
    randomBytes,
    randomId,
    makeHostKey,
    namesChanged: system ? () => void keepHosts() : () => {},
    endStrays: (directory) => endStrays(directory, [...drivers.programs, ...networkPrograms]),
    connectAgent,
    clock: systemClock,
    timings: pacedTimings(hostPace()),
    createDisk: (path, bytes) => createDataDisk(disk, { path, bytes }),
    copySparse: (from, path, bytes, onPlainCopy) => replaceByCopy({ from, path, bytes, onPlainCopy }),
    isUntouched,
    refillReserve: () => reserve.refill(),
    // while one start waits for its disk or network, another uses the CPU
    restoresAtOnce: 2 * facts.cpus,
    holders: { refOf: processRef, ended: waitForExit },
    hostCpu: async (nested) => {
      const { name, features } = await kvmCpu();
      return JSON.stringify([name, features && !nested ? withoutHidden(features) : features]);
    },
    listen: (address, port, onConnection) =>
      listenTcp(address, port, onConnection, (error) =>
        log.warn("a forwarded port reports an error", { address, port, error }),
      ),
    dialHost: (port) => connectTcp("127.0.0.1", port, dialHostMs),
    idleLimit: async () => (await config()).idleMs,
    mayKeepWarm: async () => (await config()).warmVms && availableMemory() >= memoryToKeepWarm,
    templateLimit: async () => (await config()).templateMaxBytes,
    confinement,
    artifacts: wireArtifacts({ exec, cage, paths, agent, store, env, cpus: facts.cpus, config, cacheSince }),
    sizes: async (request) => resolveSizes(request, await config(), facts),
    hostNeeds: async () => ({ availableMemory: availableMemory(), mkfs: await which("mkfs.ext4") }),
    networkSpec: async (request) => decideNetwork(request, (await config()).network, mode),
    inheritance: async () => {
      const { inheritProxy, sshKeyPath } = await config();
      const sshKey = sshKeyPath === null ? null : absolutePath(sshKeyPath, facts.home);
      return guestInheritance({ paths, env: definedOnly(env), inheritProxy, sshKey });
    },
    after,
  };
  const close = () => {
    wired.close();
    store.close();
  };
  const { settled: networkSettled, helper, userDns } = wired;
  return { machines: createMachines(deps), drivers, networkSettled, helper, userDns, close };
}

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

const files: MachinesDeps["files"] = {
  ensureFolder,
  removeTree,
  listFolder: async (path) => listFolder(path).catch(() => []),
  usedBytes,
  freeBytes,
  mountPoint,
  hasRoom,
  rename,
  shareBlocks,
  makeDurable,
  changeStamps: (paths) => Promise.all(paths.map(ifThere(changeStamp))),
  contentStamps: (paths) => Promise.all(paths.map(ifThere(contentStamp))),
  tail: async (path, max) => new TextDecoder().decode(await tailBytes(path, max)),
};

/** Null when the file is missing. */
function ifThere(stamp: (path: string) => Promise<string>): (path: string) => Promise<string | null> {
  return async (path) => ((await exists(path)) ? stamp(path) : null);
}

/** Memory that the host must have available, in bytes, to keep a warm VM: one takes some 60 MB, and more once it is used. */
const memoryToKeepWarm = 1024 ** 3;
/** for a connection to a port of this host, in `ms` */
const dialHostMs = 5_000;

/** Kills processes that were started for a VM but not recorded anywhere. @param programs prefixes of their names */
async function endStrays(directory: string, programs: readonly string[]): Promise<void> {
  const isOurs = (program: string) => programs.some((start) => program.startsWith(start));
  const refs = processesAbout(directory, isOurs).map(processRef);
  for (const ref of refs) {
    if (ref === null) continue;
    signalProcess(ref, "SIGKILL");
    await waitForExit(ref);
  }
}
