/**
 * A VM's specification as QEMU's argument list. Pure. The same list serves a confined boot by the driver and a raw one
 * by the benchmark.
 */
import type { BlockDevice, BootSpec, NetDevice } from "../driver.ts";
import type { Accel } from "./accel.ts";
import type { Endpoint, QemuSockets } from "./sockets.ts";

export type MemoryBackend =
  | { kind: "private" }
  /** in a file, shared with it: what a template is made from */
  | { kind: "shared"; path: string }
  /**
   * The file of a save, mapped privately: the guest writes to copies, whichever way the file is open. Before 8.2 QEMU can open it
   * in no other way than for writing too.
   */
  | { kind: "saved"; path: string; opened: "read-only" | "read-write" };

export type QemuPlan = {
  program: string;
  accel: Accel;
  /** of the kernel that boots; null: a saved VM's state is waited for, and its kernel is in its memory */
  cmdline: string | null;
  memory: MemoryBackend;
  /** `qboot.rom`, which is done 50 ms before QEMU's default under TCG; null: the default */
  firmware: string | null;
  sockets: QemuSockets;
  serialLog: string;
};

/** More drives than this and microvm hangs at boot: it has 24 virtio-mmio slots, four of them are taken. */
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
    // a saved VM's stream needs no description for people
    ...["-M", "microvm,rtc=on,memory-backend=ram,suppress-vmdesc=on"],
    ...(plan.accel === "kvm" ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", emulator, "-cpu", emulatedCpu]),
    ...(plan.firmware === null ? [] : ["-bios", plan.firmware]),
    ...["-smp", `cpus=${spec.vcpu}`],
    ...["-m", `${spec.memoryMib}M`, "-object", memory(plan.memory, spec.memoryMib)],
  ];
}

/**
 * A guest's CPUs take turns on one thread. With a thread each, QEMU drops the translation of code that is about to change
 * before the change is written, and another CPU may translate the old code again in between: Linux patches its own code
 * behind a breakpoint, and a CPU that keeps the translated breakpoint runs into it for ever (`patching.vm.test.ts`).
 */
const emulator = "tcg,thread=single";

/**
 * All that TCG can emulate, but what only costs time there: a fifth page-table level lengthens each walk, and where `rep movsb`
 * is called fast the kernel copies and clears pages by it, which TCG does byte by byte.
 */
const emulatedCpu = "max,la57=off,erms=off,fsrm=off";

function memory(backend: MemoryBackend, mib: number): string {
  if (backend.kind === "private") return `memory-backend-ram,id=ram,size=${mib}M`;
  const file = `memory-backend-file,id=ram,size=${mib}M,mem-path=${escaped(backend.path)}`;
  if (backend.kind === "shared") return `${file},share=on`;
  return `${file},share=off${backend.opened === "read-only" ? ",readonly=on,rom=off" : ""}`;
}

function serial(plan: QemuPlan): string[] {
  // O_APPEND, so that the file can be cut short under a writing QEMU
  return ["-chardev", `file,id=console,path=${escaped(plan.serialLog)},append=on`, "-serial", "chardev:console"];
}

function block(device: BlockDevice): string[] {
  const id = `disk-${device.serial}`;
  const cache =
    device.cache === "unsafe" ? "cache.direct=off,cache.no-flush=on" : "cache.direct=off,cache.no-flush=off";
  const file = `driver=file,filename=${escaped(device.path)},${cache},locking=${device.readOnly ? "off" : "auto"}`;
  const access = device.readOnly ? "read-only=on" : "read-only=off,discard=unmap";
  return [
    ...["-blockdev", `node-name=${id}-file,${file},${access}`],
    ...["-blockdev", `node-name=${id},driver=raw,file=${id}-file,${access}`],
    ...["-device", `virtio-blk-device,drive=${id},serial=${device.serial},id=${id}-device${onWriteError(device)}`],
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
 * The guest is never asked to announce itself: its network is its own, and whoever restores it gives it a new identity. Beyond
 * the time that it takes, QEMU 7.2 frees a timer of a restored device that has this feature and no round of announcements to
 * make, and touches it when the device is reset, as each poweroff does.
 * @param endpoint where passt is; without one, QEMU connects to it by the path that `net` has
 */
function network(net: NetDevice, endpoint: Endpoint | undefined): string[] {
  const device = ["-device", `virtio-net-device,netdev=net,mac=${net.mac},guest_announce=off`];
  if (net.kind === "stream") {
    const address = streamAddress(endpoint ?? { kind: "path", path: net.socket });
    return ["-netdev", `stream,id=net,server=off,${address}`, ...device];
  }
  const guest = "net=192.0.2.0/24,host=192.0.2.2,dns=192.0.2.3,dhcpstart=192.0.2.15,ipv6=off";
  return ["-netdev", `user,id=net,${guest}`, ...device];
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
