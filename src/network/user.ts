/**
 * The rootless network: one passt for each VM, which carries the guest's connections as the user's own. It detaches
 * itself, outlives the daemon and ends with its VM. Without it a VM does not start, unless the config allows QEMU's own
 * user-mode network in its place, through which a guest reaches every service on the host's loopback.
 */
import { type BangerError, fail } from "../base/errors/error.ts";
import { readTextIfAny, removeTree } from "../host/files/files.ts";
import { missingTool } from "../host/packages.ts";
import { signalProcess } from "../host/process/children.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { NetDevice } from "../vmm/driver.ts";
import { type NetworkIdentity, networkIdentity } from "./plan.ts";
import { type PasstDeps, type Started, startPasst } from "./start-passt.ts";

export type UserNetworkDeps = PasstDeps & {
  /** default `/etc/resolv.conf` */
  resolvConf?: string;
  /** `network_fallback` of the config; asked where passt is missing or has failed */
  mayFallBack: () => Promise<boolean>;
};

export type PreparedNetwork = {
  device: NetDevice;
  identity: NetworkIdentity;
  /** the guard, with which passt ends; null when the VMM does it itself */
  process: ProcessRef | null;
  /** a warning for the user */
  note?: string;
};

/** the devices that the VMM gives a VM */
type Accepted = readonly NetDevice["kind"][];

export type UserNetwork = {
  /**
   * What it will be, as far as can be told: after passt has failed, what stands in for it.
   * @throws NETWORK_FAILED when there is no passt, and nothing may stand in
   */
  kind(deny: readonly string[], accepted: Accepted): Promise<NetDevice["kind"]>;
  /**
   * The VM's id is its folder's name. @param deny as the VM's spec has it
   * @throws NETWORK_FAILED when passt can't be started, and nothing may stand in
   */
  prepare(paths: VmPaths, deny: readonly string[], accepted: Accepted): Promise<PreparedNetwork>;
  /** Ends it, if it is still that process, and removes its socket. */
  stop(process: ProcessRef, paths: VmPaths): Promise<void>;
};

/** What the names of its processes' programs begin with; each has its VM's folder among its arguments. */
export const networkPrograms = ["passt", "banger-vsock-agent"];

export function createUserNetwork(deps: UserNetworkDeps): UserNetwork {
  let hasFailed = false;
  return {
    async kind(deny, accepted) {
      if (!accepted.includes("stream")) throw notAccepted();
      const isMissing = (await deps.which("passt")) === null;
      if (!hasFailed && !isMissing) return "stream";
      if (await canFallBack(deps, deny, accepted)) return "builtin";
      if (isMissing) throw failed({ failure: "it is not installed", isMissing });
      return "stream";
    },
    async prepare(paths, deny, accepted) {
      if (!accepted.includes("stream")) throw notAccepted();
      const started = await startPasst(deps, paths, deny);
      hasFailed = "failure" in started;
      if ("failure" in started && !(await canFallBack(deps, deny, accepted))) throw failedIn(paths.directory, started);
      return prepared(deps, paths, started);
    },
    stop,
  };
}

/** QEMU's own network denies nothing, so it never stands in where something is to be denied. */
async function canFallBack(deps: UserNetworkDeps, deny: readonly string[], accepted: Accepted): Promise<boolean> {
  return deny.length === 0 && accepted.includes("builtin") && (await deps.mayFallBack());
}

function notAccepted(): BangerError {
  return fail("NETWORK_FAILED", { program: "passt", reason: "this VMM takes no frames from it" });
}

/** What a program prints of ENOSPC and EDQUOT, strerror(3). */
const diskFull = /no space left on device|disk quota exceeded/i;

/** passt's log is in the VM's folder. */
function failedIn(folder: string, started: { failure: string; isMissing: boolean }): BangerError {
  if (!diskFull.test(started.failure)) return failed(started);
  return fail("DISK_FULL", { path: folder, during: "starting the VM's network" });
}

function failed({ failure, isMissing }: { failure: string; isMissing: boolean }): BangerError {
  const install = isMissing ? { install: missingTool("passt").install } : {};
  return fail("NETWORK_FAILED", { program: "passt", reason: failure, ...install });
}

async function prepared(deps: UserNetworkDeps, paths: VmPaths, started: Started): Promise<PreparedNetwork> {
  const id = paths.directory.slice(paths.directory.lastIndexOf("/") + 1);
  const resolvConf = (await readTextIfAny(deps.resolvConf ?? "/etc/resolv.conf", 64 * 1024)) ?? "";
  const identity = networkIdentity(id, resolvConf);
  const { mac } = identity;
  if ("failure" in started)
    return { device: { kind: "builtin", mac }, identity, process: null, note: warning(started.failure) };
  return { device: { kind: "stream", socket: paths.net, mac }, identity, process: started.process };
}

function warning(failure: string): string {
  return `passt did not start (${failure}): using QEMU's own network, as network_fallback allows; through it the guest reaches services on this host's loopback and its metadata service`;
}

async function stop(process: ProcessRef, paths: VmPaths): Promise<void> {
  signalProcess(process, "SIGTERM");
  await removeTree(paths.net);
}
