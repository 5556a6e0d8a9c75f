/** QEMU's sockets, and how it gets each. Pure. */
import type { NetDevice } from "../driver.ts";

/**
 * A socket that QEMU makes or connects at a path, or one that it inherits as a descriptor. A confined QEMU can't make sockets, so it
 * inherits all of them; a QEMU started by hand can use paths.
 */
export type Endpoint = { kind: "path"; path: string } | { kind: "descriptor"; fd: number };

export type QemuSockets = {
  /** QMP, listening: a daemon that adopts the VM connects here */
  qmp: Endpoint;
  /** for connections to the agent, listening */
  agent: Endpoint;
  /** QMP, connected to the daemon that starts this QEMU */
  boot?: Endpoint;
  /** frames, connected to passt */
  net?: Endpoint;
};

/** A socket that `confine` opens for its program. */
export type InheritedSocket = { how: "listen" | "connect"; path: string };

/** `banger-vsock-agent confine` numbers the sockets from here, in the order of its arguments. */
const firstDescriptor = 3;

type SocketPaths = { qmp: string; agent: string; boot: string };

/** The sockets of a confined QEMU as descriptors, and what `confine` must open for them, in the same order. */
export function inheritedSockets(paths: SocketPaths, net: NetDevice | null) {
  const inherited: InheritedSocket[] = [];
  const hand = (how: InheritedSocket["how"], path: string): Endpoint => {
    inherited.push({ how, path });
    return { kind: "descriptor", fd: firstDescriptor + inherited.length - 1 };
  };
  const sockets: QemuSockets = {
    qmp: hand("listen", paths.qmp),
    agent: hand("listen", paths.agent),
    boot: hand("connect", paths.boot),
    ...(net?.kind === "stream" && { net: hand("connect", net.socket) }),
  };
  return { sockets, inherited };
}
