/**
 * Translates a VM's specification into QEMU's arguments. Pure. Used by the driver, whose QEMU is confined, and by the benchmark,
 * whose QEMU is not.
 */
import type { BlockDevice, BootSpec, NetDevice } from "../driver.ts";
import type { Accel } from "./accel.ts";
import { cpuArgument, type GuestCpu } from "./cpu.ts";
import type { Endpoint, QemuSockets } from "./sockets.ts";

export type MemoryBackend =
  | { kind: "private" }
  /** in a file, mapped shared: a template is made from it */
  | { kind: "shared"; path: string }
  /**
   * The memory file of a save, mapped privately: the guest writes to copies of its pages, however the file is open. QEMU before
   * 8.2 can only open it for writing.
   */
  | { kind: "saved"; path: string; opened: "read-only" | "read-write" };

export type QemuPlan = {
  program: string;
  accel: Accel;
  cpu: GuestCpu;
  /** kernel command line; null: QEMU waits for the state of a saved VM, whose kernel is in its memory */
  cmdline: string | null;
  memory: MemoryBackend;
  /** path of `qboot.rom`, which is 50 ms faster than QEMU's default under TCG; null: the default */
  firmware: string | null;
  sockets: QemuSockets;
  serialLog: string;
};

/** With more drives microvm hangs at boot: it has 24 virtio-mmio slots, and four are taken. */
export const maxBlockDevices = 20;

/** argv of QEMU; `argv[0]` is the program. */
export function qemuArgs(spec: BootSpec, plan: QemuPlan): string[] {
  if (spec.blockDevices.length > maxBlockDevices) throw new RangeError(`${spec.blockDevices.length} block devices`);
  return [
    plan.program,
    ...["-name", `banger-${spec.id}`],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...machine(spec, plan),
    ...(plan.cmdline === null
      ? ["-incoming", "defer", "-S"]
      : ["-kernel", spec.vmlinux, "-initrd", spec.initramfs, "-append", plan.cmdline]),
    ...serial(plan),
    ...spec.blockDevices.flatMap(block),
    ...agentPort(plan),
    ...["-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-device,rng=entropy"],
    ...(spec.net === null ? [] : network(spec.net, plan.sockets.net)),
    ...monitors(plan),
  ];
}

function machine(spec: BootSpec, plan: QemuPlan): string[] {
  return [
    // a saved VM's stream needs no description for debugging
    ...["-M", "microvm,rtc=on,memory-backend=ram,suppress-vmdesc=on"],
    ...["-accel", plan.accel === "kvm" ? "kvm" : emulator, "-cpu", cpuArgument(plan.accel, plan.cpu)],
    ...(plan.firmware === null ? [] : ["-bios", plan.firmware]),
    ...["-smp", `cpus=${spec.vcpu}`],
    ...["-m", `${spec.memoryMib}M`, "-object", memory(plan.memory, spec.memoryMib)],
  ];
}

/**
 * All CPUs of a guest share one thread. With one thread per CPU, QEMU drops a translation before the change to its code is
 * written, and another CPU can translate the old code again in between. Linux patches its own code behind a breakpoint, and a
 * CPU that keeps the translated breakpoint hits it forever (`patching.vm.test.ts`).
 */
const emulator = "tcg,thread=single";

function memory(backend: MemoryBackend, mib: number): string {
  if (backend.kind === "private") return `memory-backend-ram,id=ram,size=${mib}M`;
  const file = `memory-backend-file,id=ram,size=${mib}M,mem-path=${escaped(backend.path)}`;
  if (backend.kind === "shared") return `${file},share=on`;
  return `${file},share=off${backend.opened === "read-only" ? ",readonly=on,rom=off" : ""}`;
}

function serial(plan: QemuPlan): string[] {
  // O_APPEND, so that the file can be truncated while QEMU writes
  return ["-chardev", `file,id=console,path=${escaped(plan.serialLog)},append=on`, "-serial", "chardev:console"];
}

/** The serial is for users (`lsblk -o SERIAL`); the agent finds the disks by `banger.disks`. */
function block(device: BlockDevice): string[] {
  const id = `disk-${device.name}`;
  const cache =
    device.cache === "unsafe" ? "cache.direct=off,cache.no-flush=on" : "cache.direct=off,cache.no-flush=off";
  const file = `driver=file,filename=${escaped(device.path)},${cache},locking=${device.readOnly ? "off" : "auto"}`;
  const access = device.readOnly ? "read-only=on" : "read-only=off,discard=unmap";
  return [
    ...["-blockdev", `node-name=${id}-file,${file},${access}`],
    ...["-blockdev", `node-name=${id},driver=raw,file=${id}-file,${access}`],
    ...["-device", `virtio-blk-device,drive=${id},serial=${device.name},id=${id}-device${onWriteError(device)}`],
  ];
}

/**
 * A write that the host fails stops the guest, which can then try it again. QEMU's own choice stops it for ENOSPC alone: a
 * quota that is used up would be an error that the guest's file system never forgets.
 */
function onWriteError({ readOnly }: BlockDevice): string {
  return readOnly ? "" : ",werror=stop";
}

function agentPort(plan: QemuPlan): string[] {
  return [
    ...["-chardev", `socket,id=agent,${chardev(plan.sockets.agent)},server=on,wait=off`],
    ...["-device", "virtio-serial-device,id=ports,max_ports=2"],
    ...["-device", "virtserialport,bus=ports.0,nr=1,chardev=agent,name=banger.agent"],
  ];
}

/**
 * `guest_announce=off`: a restored guest gets a new identity, and its first frames tell a bridge where it is. Announcing takes
 * time, and QEMU 7.2 has a use-after-free: with the feature on and no announcements to send, it frees a timer of a restored
 * device that it uses again when the device is reset, as at each poweroff.
 * @param endpoint passt's socket, or the TAP interface; without one, QEMU connects to the path in `net`
 */
function network(net: NetDevice, endpoint: Endpoint | undefined): string[] {
  const device = ["-device", `virtio-net-device,netdev=net,mac=${net.mac},guest_announce=off`];
  if (net.kind === "stream") {
    const address = streamAddress(endpoint ?? { kind: "path", path: net.socket });
    return ["-netdev", `stream,id=net,server=off,${address}`, ...device];
  }
  if (net.kind === "tap") return ["-netdev", `tap,id=net,${tapOf(endpoint)},vhost=off`, ...device];
  if (net.kind === "agent") throw new RangeError("QEMU has no vsock for the agent's network");
  const guest = "net=192.0.2.0/24,host=192.0.2.2,dns=192.0.2.3,dhcpstart=192.0.2.15,ipv6=off";
  return ["-netdev", `user,id=net,${guest}`, ...device];
}

function tapOf(endpoint: Endpoint | undefined): string {
  if (endpoint?.kind !== "descriptor") throw new RangeError("QEMU gets its TAP interface as a descriptor");
  return `fd=${endpoint.fd}`;
}

function monitors({ sockets: { qmp, boot } }: QemuPlan): string[] {
  const server = ["-chardev", `socket,id=qmp,${chardev(qmp)},server=on,wait=off`, "-mon", "chardev=qmp,mode=control"];
  if (boot === undefined) return server;
  return [...server, "-chardev", `socket,id=boot,${chardev(boot)},server=off`, "-mon", "chardev=boot,mode=control"];
}

function chardev(endpoint: Endpoint): string {
  return endpoint.kind === "path" ? `path=${escaped(endpoint.path)}` : `fd=${endpoint.fd}`;
}

function streamAddress(endpoint: Endpoint): string {
  if (endpoint.kind === "path") return `addr.type=unix,addr.path=${escaped(endpoint.path)}`;
  return `addr.type=fd,addr.str=${endpoint.fd}`;
}

/** QEMU's option syntax: a comma in a value is doubled. */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}
