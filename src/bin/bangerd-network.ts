/** The networks of VMs on the real host: passt, and in system mode the bridge that the root helper makes. */
import type { Config } from "../config/config.ts";
import { readTextIfAny } from "../host/files/files.ts";
import type { Logger } from "../host/log.ts";
import { hostNetworks } from "../host/net/networks.ts";
import { connectUnix } from "../host/net/socket.ts";
import type { Exec } from "../host/process/exec.ts";
import type { NetworkMode } from "../model/network.ts";
import { type BridgedVm, type BridgeNetwork, createBridgeNetwork } from "../network/bridge.ts";
import { createBridgeDns } from "../network/dns/bridge-dns.ts";
import { startDns } from "../network/dns/server.ts";
import { createUserDns, type UserDns } from "../network/dns/user-dns.ts";
import { HelperAway, type HelperConnection, helperOver } from "../network/helper-client.ts";
import { combineNetworks, type GuestNetworks } from "../network/networks.ts";
import { createUserNetwork } from "../network/user.ts";
import type { Store } from "../store/store.ts";
import type { HelperStatus } from "../wire/helper/verbs.ts";

/** What system mode gives the daemon; null: it is a user's own. */
export type SystemFacts = {
  /** the root helper's socket */
  helperSocket: string;
  /** the control group below which each VM gets one; null: VMs have no limits of their own */
  cgroup: string | null;
};

export type NetworkFacts = {
  system: SystemFacts | null;
  exec: Exec;
  which: (program: string) => Promise<string | null>;
  /** path of `banger-vsock-agent` */
  agent: string;
  store: Store;
  config: () => Promise<Config>;
  log: Logger;
  after: (ms: number, run: () => void) => () => void;
};

export type WiredNetwork = {
  mode: NetworkMode;
  network: GuestNetworks;
  /** see `BridgeNetwork` */
  settled: Promise<void>;
  /** see `BridgeNetwork.status`; null: there is no root helper */
  helper: (() => Promise<HelperStatus>) | null;
  /** null: in system mode, where names are answered on the bridge */
  userDns: UserDns | null;
  close(): void;
};

export function wireNetwork(facts: NetworkFacts): WiredNetwork {
  const { exec, which, agent, config } = facts;
  const mayFallBack = async () => (await config()).networkFallback;
  const user = createUserNetwork({ exec, which, agent, hostNetworks, mayFallBack });
  const bridge = facts.system && bridgeOf(facts, facts.system);
  const userDns = bridge ? null : userDnsOf(facts);
  return {
    mode: bridge ? "system" : "rootless",
    network: combineNetworks(user, bridge?.network ?? null),
    helper: bridge && (() => bridge.network.status()),
    settled: bridge?.network.settled ?? Promise.resolve(),
    userDns,
    close() {
      bridge?.close();
      userDns?.close();
    },
  };
}

function userDnsOf({ store: { vms }, log }: NetworkFacts): UserDns {
  const names = { addressOf: vms.loopbackAddressOf, nameOf: vms.nameAtLoopback };
  return createUserDns({ start: startDns, names, log });
}

/** The bridge, and the names of its VMs in the DNS. */
function bridgeOf(
  { store, config, log, after }: NetworkFacts,
  system: SystemFacts,
): { network: BridgeNetwork; close(): void } {
  const { leases } = store;
  const dns = createBridgeDns({ start: startDns, names: leases, after, log });
  const network = createBridgeNetwork({
    connect: () => connectHelper(system.helperSocket),
    leases,
    settings: async () => (await config()).network,
    hostNetworks,
    resolvConfs,
    running: runningOnBridge(store),
    onUp: (spec) => dns.ensure(spec),
    after,
    log,
  });
  const close = () => {
    network.close();
    dns.close();
  };
  return { network, close };
}

/** VMs whose VMM an earlier daemon has noted; those that have ended meanwhile are cleaned up when the daemon reconciles. */
function runningOnBridge({ vms, processes }: Store): BridgedVm[] {
  const running = vms.all().filter(({ id, spec }) => spec.network.kind === "bridge" && processes.vmm(id) !== null);
  return running.map(({ id, spec }) => ({ id, deny: spec.network.deny }));
}

/** The second and third have the servers that are behind a stub on the host's loopback: systemd-resolved(8), NetworkManager.conf(5). */
const resolvConfFiles = [
  "/etc/resolv.conf",
  "/run/systemd/resolve/resolv.conf",
  "/run/NetworkManager/no-stub-resolv.conf",
];

/** of one file, in bytes */
const maxResolvConf = 64 * 1024;

async function resolvConfs(): Promise<string[]> {
  const texts = await Promise.all(resolvConfFiles.map((file) => readTextIfAny(file, maxResolvConf).catch(() => null)));
  return texts.filter((text) => text !== null);
}

/** The helper is root's: nothing is said to anybody else who listens in its place. @throws HelperAway, and the system's error when nobody does */
async function connectHelper(path: string): Promise<HelperConnection> {
  const stream = await connectUnix(path, undefined, (listener) => {
    if (listener?.uid !== 0) throw new HelperAway(`uid ${listener?.uid ?? "unknown"}, not root, listens at ${path}`);
  });
  return helperOver(stream);
}
