/** The command line of the test host: a PC whose CPU, emulated, has AMD's virtualization (SVM). Pure. */

/** Files of one host. */
export type HostFiles = {
  vmlinux: string;
  initramfs: string;
  root: string;
  modules: string;
  data: string;
  store: string;
};

export type HostPlan = {
  files: HostFiles;
  /** sizes in bytes of the disks that the agent mounts */
  bytes: { root: number; modules: number; data: number };
  /** the file that is the host's memory, and whether the host's writes go into it */
  memory: { path: string; isKept: boolean };
  /** taken from `-cpu max` */
  cpu: string;
  sockets: { agent: string; monitor: string };
  serialLog: string;
  /** it waits for a saved state */
  isRestored: boolean;
  /** its root has an init, which gets PID 1 */
  hasInit: boolean;
};

export const memoryMib = 3072;
/** of the disk with the product and its images; a saved host knows its disks' sizes */
export const storeBytes = 16 * 1024 ** 3;
export const dataBytes = 4 * 1024 ** 3;

/**
 * One CPU: with two, QEMU 7.2 can keep an old translation of code that Linux has patched, and a host that loads kvm-amd patches
 * code (`src/vmm/qemu/args.ts` says more). What costs only time under emulation is off.
 */
export const fullCpu = "max,la57=off,erms=off,fsrm=off";

export function hostArgv(plan: HostPlan): string[] {
  const { files, memory, sockets } = plan;
  const ram = `memory-backend-file,id=ram,size=${memoryMib}M,mem-path=${memory.path},share=${memory.isKept ? "on" : "off"}`;
  return [
    "qemu-system-x86_64",
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-M", "q35,memory-backend=ram", "-accel", "tcg,thread=single,tb-size=512", "-cpu", plan.cpu],
    ...["-smp", "1", "-m", `${memoryMib}M`, "-object", ram],
    ...(plan.isRestored
      ? ["-incoming", "defer", "-S"]
      : ["-kernel", files.vmlinux, "-initrd", files.initramfs, "-append", kernelArgs(plan)]),
    ...disk("root", files.root, "readonly=on"),
    // else writes go to a temporary file of QEMU's
    ...disk("data", files.data, memory.isKept || plan.hasInit ? "cache=unsafe" : "cache=unsafe,snapshot=on"),
    ...disk("modules", files.modules, "readonly=on"),
    ...disk("store", files.store, "cache=unsafe"),
    ...["-chardev", `socket,id=agent,path=${sockets.agent},server=on,wait=off`],
    ...["-device", "virtio-serial-pci,id=ports,max_ports=2"],
    ...["-device", "virtserialport,bus=ports.0,nr=1,chardev=agent,name=banger.agent"],
    ...["-netdev", "user,id=net,net=192.0.2.0/24,host=192.0.2.2,dns=192.0.2.3,ipv6=off,restrict=on"],
    ...["-device", `virtio-net-pci,netdev=net,mac=${hostMac},romfile=`],
    ...["-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=entropy"],
    ...["-serial", `file:${plan.serialLog}`, "-qmp", `unix:${sockets.monitor},server=on,wait=off`],
  ];
}

export const hostMac = "02:00:00:00:00:15";

function disk(name: string, path: string, options: string): string[] {
  return ["-drive", `if=none,id=${name},format=raw,file=${path},${options}`, "-device", `virtio-blk-pci,drive=${name}`];
}

/** No address space randomization in the host: emulation translates a program anew at each new address. */
function kernelArgs({ bytes, hasInit }: HostPlan): string {
  const disks = `layer0:vda:${bytes.root},data:vdb:${bytes.data},modules:vdc:${bytes.modules}`;
  return [
    "console=ttyS0 quiet panic=-1 mitigations=off nokaslr norandmaps no_timer_check tsc=reliable random.trust_cpu=on",
    `rdinit=/init banger.port=virtio banger.layers=1 banger.init=${hasInit ? "image" : "none"} banger.disks=${disks}`,
  ].join(" ");
}
