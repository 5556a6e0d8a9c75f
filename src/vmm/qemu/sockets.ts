/** QEMU's sockets and its TAP interface, and how it gets each. Pure. */
import type { NetDevice } from "../driver.ts";

/**
 * A socket that QEMU makes or connects at a path, or one that it inherits as a descriptor. A confined QEMU can't make sockets, so it
 * inherits all of them; a QEMU started by hand can use paths. A TAP interface is always inherited.
 */
export type Endpoint = { kind: "path"; path: string } | { kind: "descriptor"; fd: number };

export type QemuSockets = {
  /** QMP, listening: a daemon that adopts the VM connects here */
  qmp: Endpoint;
  /** for connections to the agent, listening */
  agent: Endpoint;
  /** QMP, connected to the daemon that starts this QEMU */
  boot?: Endpoint;
  /** frames: connected to passt, or attached to the TAP interface */
  net?: Endpoint;
};

/** What `confine` opens for its program: a socket at a path, or the TAP interface of that name. */
export type Inherited = { how: "listen" | "connect" | "tap"; name: string };

/** `banger-vsock-agent confine` numbers the descriptors from here, in the order of its arguments. */
const firstDescriptor = 3;

type SocketPaths = { qmp: string; agent: string; boot: string };

/** The sockets of a confined QEMU as descriptors, and what `confine` must open for them, in the same order. */
export function inheritedSockets(paths: SocketPaths, net: NetDevice | null) {
  const inherited: Inherited[] = [];
  const hand = (how: Inherited["how"], name: string): Endpoint => {
    inherited.push({ how, name });
    return { kind: "descriptor", fd: firstDescriptor + inherited.length - 1 };
  };
  const sockets: QemuSockets = {
    qmp: hand("listen", paths.qmp),
    agent: hand("listen", paths.agent),
    boot: hand("connect", paths.boot),
    ...(net?.kind === "stream" && { net: hand("connect", net.socket) }),
    ...(net?.kind === "tap" && { net: hand("tap", net.name) }),
  };
  return { sockets, inherited };
}
