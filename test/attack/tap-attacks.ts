/** A VMM on a bridge that was taken over, and wants more of TAP interfaces than its guest's frames. */
import type { Attack } from "./report.ts";
import { refusedSteps, type Scene } from "./scene.ts";
import { type Argument, buffer, failed, type TakenOver } from "./taken-over.ts";

/** of linux/if_tun.h; for most of them the kernel asks for no right of a process that has the descriptor */
const tun = {
  setNoChecksum: 0x400454c8,
  setDebug: 0x400454c9,
  attach: 0x400454ca,
  setPersistent: 0x400454cb,
  setOwner: 0x400454cc,
  setLink: 0x400454cd,
  setGroup: 0x400454ce,
  setFrameFilter: 0x400454d1,
  getInterface: 0x800454d2,
  attachFilter: 0x401054d5,
  detachFilter: 0x401054d6,
  setQueue: 0x400454d9,
  setIndex: 0x400454da,
  getFilter: 0x801054db,
  setSteering: 0x800454e0,
  setFilterProgram: 0x800454e1,
  setCarrier: 0x400454e2,
  getNamespace: 0x54e3,
} as const;

/** of linux/sockios.h */
const interfaces = { flags: 0x8914, address: 0x8916, mtu: 0x8922, name: 0x8923, hardware: 0x8924, namespace: 0x894c };

const [tap, noInfo, header, detachQueue] = [0x0002, 0x1000, 0x4000, 0x0400];
const nobody = 65534;
const [cwd, readWrite] = [-100, 2];

/** A descriptor that is attached to the VM's own TAP. */
export type Attached = { descriptor(taken: TakenOver): Promise<bigint>; release(taken: TakenOver): Promise<void> };

/** One that the process was started with. */
export function inherited(descriptor: bigint): Attached {
  return { descriptor: async () => descriptor, release: async () => {} };
}

/** One that the process opens, as Firecracker does. */
export function opened(name: string): Attached {
  let last = -1n;
  return {
    async descriptor(taken) {
      last = await openDevice(taken);
      const answer = await attach(taken, last, name);
      if (failed(answer)) throw new Error(`it must be able to attach to ${name}`);
      return last;
    },
    release: async (taken) => void (await taken.call("close", last)),
  };
}

export async function openDevice(taken: TakenOver): Promise<bigint> {
  const answer = await taken.call("openat", cwd, "/dev/net/tun", readWrite, 0);
  if (!("result" in answer) || failed(answer)) throw new Error("it must be able to open /dev/net/tun");
  return answer.result;
}

export function attach(taken: TakenOver, descriptor: bigint, name: string) {
  return taken.call("ioctl", descriptor, tun.attach, request(name, short(tap | noInfo | header)));
}

/** The name of the TAP that a descriptor is attached to. */
export async function attachedTo(taken: TakenOver, descriptor: bigint): Promise<string> {
  const answer = await taken.call("ioctl", descriptor, tun.getInterface, buffer);
  if (failed(answer)) throw new Error("it must be able to ask for its TAP's name");
  return (await taken.buffered(16)).toString("latin1").replace(/\0.*$/, "");
}

/** @param other a TAP of the user's that no process is attached to */
export function tapAttacks(scene: () => Scene, own: string, other: string, attached: Attached): Attack[] {
  const ioctls = (name: string, commands: [command: number, argument: Argument][]) =>
    refusedSteps(scene, name, async function* (taken) {
      const descriptor = await attached.descriptor(taken);
      for (const [command, argument] of commands) yield await taken.call("ioctl", descriptor, command, argument);
      await attached.release(taken);
    });
  return [
    ioctls("attaches its descriptor to another TAP", [
      [tun.attach, request(other, short(tap | noInfo | header))],
      [tun.setQueue, request(other, short(detachQueue))],
    ]),
    ioctls("lets its TAP go, or gives it away", [
      [tun.setPersistent, 0],
      [tun.setPersistent, 1],
      [tun.setOwner, nobody],
      [tun.setGroup, nobody],
    ]),
    ioctls("changes what its TAP is", [
      [tun.setNoChecksum, 1],
      [tun.setDebug, 1],
      [tun.setLink, 772],
      [tun.setIndex, Buffer.from([99, 0, 0, 0])],
      [tun.setCarrier, Buffer.alloc(4)],
    ]),
    ioctls("changes its TAP on the host's side", [
      [interfaces.hardware, request(own, Buffer.from("010002000000feff", "hex"))],
      [interfaces.flags, request(own, short(0))],
      [interfaces.address, request(own, Buffer.from([2, 0, 0, 0, 192, 0, 2, 1]))],
      [interfaces.mtu, request(own, Buffer.from([0, 2, 0, 0]))],
      [interfaces.name, request(own, Buffer.from("bgr-new"))],
    ]),
    ioctls("puts filters and programs on its TAP", [
      [tun.setFrameFilter, Buffer.alloc(8)],
      [tun.attachFilter, Buffer.alloc(16)],
      [tun.detachFilter, Buffer.alloc(16)],
      [tun.getFilter, buffer],
      [tun.setSteering, Buffer.alloc(4, 0xff)],
      [tun.setFilterProgram, Buffer.alloc(4, 0xff)],
    ]),
    ioctls("takes hold of its TAP's network namespace", [
      [tun.getNamespace, 0],
      [interfaces.namespace, 0],
    ]),
  ];
}

/** struct ifreq of netdevice(7). @param value what follows the name */
function request(name: string, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.write(name, "latin1");
  bytes.set(value, 16);
  return bytes;
}

function short(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}
