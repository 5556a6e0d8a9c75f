/**
 * The rootless network: one passt per VM, which makes the guest's connections as the user. It outlives the daemon and ends with
 * its VM. A VM does not start without passt, unless the config allows QEMU's user-mode network as a fallback, through which a
 * guest reaches every service on the host's loopback.
 */
import { type BangerError, fail } from "../base/errors/error.ts";
import { systemClock } from "../host/clock.ts";
import { readTextIfAny, removeTree } from "../host/files/files.ts";
import { missingTool } from "../host/packages.ts";
import { signalProcess } from "../host/process/children.ts";
import type { GuestNetwork } from "../model/network.ts";
import { type VmPaths, vmIdAt } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { NetDevice } from "../vmm/driver.ts";
import type { GuestLine } from "./passt.ts";
import { networkIdentity } from "./plan.ts";
import { type PasstDeps, type Started, startPasst } from "./start-passt.ts";

export type UserNetworkDeps = PasstDeps & {
  /** default `/etc/resolv.conf` */
  resolvConf?: string;
  /** `network_fallback` of the config; called when passt is missing or has failed */
  mayFallBack: () => Promise<boolean>;
  /** of a monotonic clock, in `ms`; default: the host's */
  now?: () => number;
};

export type PreparedNetwork = {
  device: NetDevice;
  identity: GuestNetwork;
  /** `netguard`, with which passt ends; null with the VMM's own network */
  process: ProcessRef | null;
  /** a warning for the user */
  note?: string;
};

/** the network devices that the VMM supports */
export type Accepted = readonly NetDevice["kind"][];

export type UserNetwork = {
  /**
   * The device that `prepare` will probably choose: for some minutes after a failure of passt the fallback, where it is allowed.
   * @throws NETWORK_FAILED when passt is missing and no fallback is allowed
   */
  kind(deny: readonly string[], accepted: Accepted): Promise<NetDevice["kind"]>;
  /**
   * Starts the network of the VM whose id is the name of its folder. @param deny entries from the VM's spec
   * @throws NETWORK_FAILED when passt can't be started and no fallback is allowed, DISK_FULL, FILE_INVALID for a resolv.conf
   * that is too long
   */
  prepare(paths: VmPaths, deny: readonly string[], accepted: Accepted): Promise<PreparedNetwork>;
  /** Ends the process, unless its pid was reused, and removes its socket. */
  stop(process: ProcessRef, paths: VmPaths): Promise<void>;
};

/** Name prefixes of the network's programs; their arguments contain the VM's folder. */
export const networkPrograms = ["passt", "banger-vsock-agent"];

export function createUserNetwork(deps: UserNetworkDeps): UserNetwork {
  const { now = systemClock.monotonic } = deps;
  let known: { failure: string; until: number } | null = null;
  const failing = () => (known && now() < known.until ? { failure: known.failure, isMissing: false } : null);
  return {
    async kind(deny, accepted) {
      const guarded = guardedKind(accepted);
      const isMissing = (await deps.which("passt")) === null;
      if (!failing() && !isMissing) return guarded;
      if (await canFallBack(deps, deny, accepted)) return "builtin";
      if (isMissing) throw failed({ failure: "it is not installed", isMissing });
      return guarded;
    },
    async prepare(paths, deny, accepted) {
      const guarded = guardedKind(accepted);
      // before passt, which would outlive a failure here
      const identity = await identityOf(deps, paths);
      const falling = failing();
      if (falling && (await canFallBack(deps, deny, accepted))) return prepared(identity, paths, falling, guarded);
      const started = await startPasst(deps, paths, deny, guarded);
      if (!("failure" in started)) known = null;
      else if (!started.isMissing) known = { failure: started.failure, until: now() + settledMs };
      if ("failure" in started && !(await canFallBack(deps, deny, accepted))) throw failedIn(paths.directory, started);
      return prepared(identity, paths, started, guarded);
    },
    stop,
  };
}

/**
 * How long passt is not tried again where there is a fallback, in `ms`: a VM's network is part of its template, so one that changed
 * from start to start would have a template made for each.
 */
const settledMs = 5 * 60_000;

/** QEMU's own network can't deny anything, so it is no fallback for a VM with a `deny` list. */
async function canFallBack(deps: UserNetworkDeps, deny: readonly string[], accepted: Accepted): Promise<boolean> {
  return deny.length === 0 && accepted.includes("builtin") && (await deps.mayFallBack());
}

/** The device through which a VM is connected to passt; the VMM's own is the faster one. @throws NETWORK_FAILED */
function guardedKind(accepted: Accepted): GuestLine["kind"] {
  const kind = (["stream", "agent"] as const).find((one) => accepted.includes(one));
  if (kind === undefined)
    throw fail("NETWORK_FAILED", { program: "passt", reason: "this VMM can't be connected to it" });
  return kind;
}

/** bytes */
const maxResolvConf = 64 * 1024;

/** strerror(3) of ENOSPC and EDQUOT. */
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

async function identityOf({ resolvConf = "/etc/resolv.conf" }: UserNetworkDeps, paths: VmPaths): Promise<GuestNetwork> {
  return networkIdentity(vmIdAt(paths.directory), (await readTextIfAny(resolvConf, maxResolvConf)) ?? "");
}

function prepared(
  identity: GuestNetwork,
  paths: VmPaths,
  started: Started,
  guarded: GuestLine["kind"],
): PreparedNetwork {
  const { mac } = identity;
  if ("failure" in started)
    return { device: { kind: "builtin", mac }, identity, process: null, note: warning(started.failure) };
  const device: NetDevice = guarded === "stream" ? { kind: guarded, socket: paths.net, mac } : { kind: guarded, mac };
  return { device, identity, process: started.process };
}

function warning(failure: string): string {
  return `passt did not start (${failure}): using QEMU's own network, as network_fallback allows; through it the guest reaches services on this host's loopback and its metadata service`;
}

async function stop(process: ProcessRef, paths: VmPaths): Promise<void> {
  signalProcess(process, "SIGTERM");
  await removeTree(paths.net);
}
