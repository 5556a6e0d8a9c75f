/**
 * The rootless network: one passt for each VM, which carries the guest's connections as the user's own. It detaches
 * itself, outlives the daemon and ends with its VM. Where there is none, QEMU's own user-mode network stands in, with
 * a warning: through that a guest reaches every service on the host's loopback.
 */
import type { Exec } from "../host/exec.ts";
import { readTextIfAny, removeTree } from "../host/files.ts";
import { isAlive, processRef, signalProcess } from "../host/process.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { NetDevice } from "../vmm/driver.ts";
import { passtArgs } from "./passt.ts";
import { isLoopback, macOf, type NetworkIdentity, networkIdentity, parseResolvConf } from "./plan.ts";

export type UserNetworkDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  uid: number;
  gid: number;
  /** default `/etc/resolv.conf` */
  resolvConf?: string;
};

export type PreparedNetwork = {
  device: NetDevice;
  identity: NetworkIdentity;
  /** passt; null when the VMM does it itself */
  process: ProcessRef | null;
  /** a warning for the user */
  note?: string;
};

export type UserNetwork = {
  /** Never rejects for want of passt: then it falls back, and `note` says so. The VM's id is its folder's name. */
  prepare(paths: VmPaths): Promise<PreparedNetwork>;
  /** Ends it, if it is still that process, and removes what it left. */
  stop(process: ProcessRef, paths?: VmPaths): Promise<void>;
  /** A passt that a daemon started and did not live to note down. */
  leftover(paths: VmPaths): Promise<ProcessRef | null>;
};

export function createUserNetwork(deps: UserNetworkDeps): UserNetwork {
  return {
    prepare: (paths) => prepare(deps, paths),
    stop: (process, paths) => stop(process, paths),
    leftover: (paths) => leftover(paths),
  };
}

async function prepare(deps: UserNetworkDeps, paths: VmPaths): Promise<PreparedNetwork> {
  const id = paths.directory.slice(paths.directory.lastIndexOf("/") + 1);
  const resolvConf = (await readTextIfAny(deps.resolvConf ?? "/etc/resolv.conf", 64 * 1024)) ?? "";
  const identity = networkIdentity(id, resolvConf);
  const started = await startPasst(deps, paths, resolvConf);
  if ("failure" in started) return { device: { kind: "builtin", mac: macOf(id) }, identity, process: null, note: warning(started.failure) };
  return { device: { kind: "stream", socket: paths.net, mac: identity.mac }, identity, process: started.process };
}

function warning(failure: string): string {
  return `${failure}: using QEMU's own network, through which the guest reaches services on this host's loopback; \`banger doctor\` tells how to get passt`;
}

async function startPasst(deps: UserNetworkDeps, paths: VmPaths, resolvConf: string): Promise<{ process: ProcessRef } | { failure: string }> {
  const program = await deps.which("passt");
  if (program === null) return { failure: "passt is not installed" };
  const pidFile = pidFileOf(paths);
  await Promise.all([paths.net, pidFile].map((path) => removeTree(path)));
  const facts = { program, socket: paths.net, log: paths.netLog, pidFile, uid: deps.uid, gid: deps.gid, resolvConf };
  const knowsDnsHost = resolverOnLoopback(resolvConf) && (await hasDnsHost(deps, program));
  const result = await deps.exec(passtArgs({ ...facts, knowsDnsHost }), { timeoutMs: 10_000 });
  const process = await leftover(paths);
  if (result.exitCode === 0 && process !== null) return { process };
  if (process !== null) await stop(process, paths);
  return { failure: `passt did not start (${reason(result.stderr) || `status ${result.exitCode ?? result.signal}`})` };
}

function resolverOnLoopback(resolvConf: string): boolean {
  return isLoopback(parseResolvConf(resolvConf).servers[0] ?? "");
}

async function hasDnsHost(deps: UserNetworkDeps, program: string): Promise<boolean> {
  const help = await deps.exec([program, "--help"], { timeoutMs: 10_000 });
  const text = new TextDecoder().decode(help.stdout) + new TextDecoder().decode(help.stderr);
  return text.includes("--dns-host");
}

async function stop(process: ProcessRef, paths?: VmPaths): Promise<void> {
  signalProcess(process, "SIGTERM");
  if (paths !== undefined) await Promise.all([paths.net, pidFileOf(paths)].map((path) => removeTree(path)));
}

async function leftover(paths: VmPaths): Promise<ProcessRef | null> {
  const text = (await readTextIfAny(pidFileOf(paths), 32))?.trim() ?? "";
  if (!/^\d{1,9}$/.test(text)) return null;
  const ref = processRef(Number(text));
  const name = ref === null ? null : await readTextIfAny(`/proc/${ref.pid}/comm`, 64);
  return ref !== null && name?.startsWith("passt") && isAlive(ref) ? ref : null;
}

function pidFileOf(paths: VmPaths): string {
  return `${paths.directory}/net.pid`;
}

/** passt's last words that are not about how to use it. */
function reason(stderr: Uint8Array): string {
  const lines = new TextDecoder().decode(stderr).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("Failed to send")).at(-1)?.slice(0, 200) ?? "";
}
