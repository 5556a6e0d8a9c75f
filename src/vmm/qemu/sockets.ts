/** QEMU's sockets: which it has, and how each reaches it. Pure. */
import type { NetDevice } from "../driver.ts";

/**
 * Where QEMU finds a socket: at a path, where it makes or connects one itself, or among the descriptors that it inherits. A
 * confined QEMU may make, bind and connect none, so its sockets are descriptors; one that is started by hand can have paths.
 */
export type Endpoint = { kind: "path"; path: string } | { kind: "descriptor"; fd: number };

export type QemuSockets = {
  /** QMP, listening: a daemon that adopts the VM connects here */
  qmp: Endpoint;
  /** the line to the agent, listening */
  agent: Endpoint;
  /** QMP, connected to the daemon that starts this QEMU */
  boot?: Endpoint;
  /** frames, connected to passt */
  net?: Endpoint;
};

/** A socket that `confine` opens for the program it starts. */
export type InheritedSocket = { how: "listen" | "connect"; path: string };

/** `banger-vsock-agent confine` numbers a program's sockets from here on, in the order in which they are given. */
const firstDescriptor = 3;

type SocketPaths = { qmp: string; agent: string; boot: string };

/** All sockets of a confined QEMU as descriptors, and what `confine` has to open for them, in the order of their numbers. */
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
