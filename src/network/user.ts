/**
 * The rootless network: one passt for each VM, which carries the guest's connections as the user's own. It detaches
 * itself, outlives the daemon and ends with its VM. Where there is none, QEMU's own user-mode network stands in, with
 * a warning: through that a guest reaches every service on the host's loopback.
 */
import type { Exec } from "../host/exec.ts";
import { readTextIfAny, removeTree } from "../host/files.ts";
import { processRef, signalProcess } from "../host/process.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { NetDevice } from "../vmm/driver.ts";
import { guardedPasst } from "./passt.ts";
import { type NetworkIdentity, networkIdentity } from "./plan.ts";

export type UserNetworkDeps = {
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** path of `banger-vsock-agent`, which guards the line to passt */
  agent: string;
  /** default `/etc/resolv.conf` */
  resolvConf?: string;
};

export type PreparedNetwork = {
  device: NetDevice;
  identity: NetworkIdentity;
  /** the guard, with which passt ends; null when the VMM does it itself */
  process: ProcessRef | null;
  /** a warning for the user */
  note?: string;
};

export type UserNetwork = {
  /** What it will be, as far as can be told: after passt has failed, what stands in for it. */
  kind(): Promise<NetDevice["kind"]>;
  /** Never rejects for want of passt: then it falls back, and `note` says so. The VM's id is its folder's name. */
  prepare(paths: VmPaths): Promise<PreparedNetwork>;
  /** Ends it, if it is still that process, and removes its socket. */
  stop(process: ProcessRef, paths: VmPaths): Promise<void>;
};

export function createUserNetwork(deps: UserNetworkDeps): UserNetwork {
  let hasFailed = false;
  return {
    kind: async () => (hasFailed || (await deps.which("passt")) === null ? "builtin" : "stream"),
    async prepare(paths) {
      const prepared = await prepare(deps, paths);
      hasFailed = prepared.device.kind === "builtin";
      return prepared;
    },
    stop,
  };
}

async function prepare(deps: UserNetworkDeps, paths: VmPaths): Promise<PreparedNetwork> {
  const id = paths.directory.slice(paths.directory.lastIndexOf("/") + 1);
  const resolvConf = (await readTextIfAny(deps.resolvConf ?? "/etc/resolv.conf", 64 * 1024)) ?? "";
  const identity = networkIdentity(id, resolvConf);
  const { mac } = identity;
  const started = await startPasst(deps, paths);
  if ("failure" in started)
    return { device: { kind: "builtin", mac }, identity, process: null, note: warning(started.failure) };
  return { device: { kind: "stream", socket: paths.net, mac }, identity, process: started.process };
}

function warning(failure: string): string {
  return `${failure}: using QEMU's own network, through which the guest reaches services on this host's loopback; \`banger doctor\` tells more`;
}

async function startPasst(
  deps: UserNetworkDeps,
  paths: VmPaths,
): Promise<{ process: ProcessRef } | { failure: string }> {
  const program = await deps.which("passt");
  if (program === null) return { failure: "passt is not installed" };
  await removeTree(paths.net);
  const argv = guardedPasst({ agent: deps.agent, program, socket: paths.net, log: paths.netLog, denied: [] });
  try {
    const { exitCode, signal, stdout, stderr } = await deps.exec(argv, { timeoutMs: 10_000 });
    const process = exitCode === 0 ? startedProcess(stdout) : null;
    if (process !== null) return { process };
    return { failure: `passt did not start (${lastWord(stderr) || (signal ?? `status ${exitCode}`)})` };
  } catch (error) {
    return { failure: `passt did not start (${error instanceof Error ? error.message : String(error)})` };
  }
}

function startedProcess(stdout: Uint8Array): ProcessRef | null {
  const text = new TextDecoder().decode(stdout).trim();
  return /^\d{1,9}$/.test(text) ? processRef(Number(text)) : null;
}

async function stop(process: ProcessRef, paths: VmPaths): Promise<void> {
  signalProcess(process, "SIGTERM");
  await removeTree(paths.net);
}

/** What passt said last about itself, else what the guard did; passt also complains of a missing syslog, which is no reason. */
function lastWord(stderr: Uint8Array): string {
  const said = new TextDecoder().decode(stderr).split("\n");
  const lines = said.map((line) => line.trim()).filter((line) => !/^(?:$|Failed to send|Don't run as root)/.test(line));
  const passt = lines.filter((line) => !line.startsWith("banger-vsock-agent:"));
  return (passt.at(-1) ?? lines.at(-1) ?? "").slice(0, 200);
}
