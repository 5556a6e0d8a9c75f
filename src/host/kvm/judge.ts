/** What the facts about this host's KVM mean: each way in which it can't be used has its own words and its own fix. Pure. */

export type KvmProbe =
  | { usable: true /** its guests can have VMs of their own */; nested: boolean }
  | {
      usable: false;
      why: string;
      /** what to type or do about it */
      fix: string;
      /** it works here, but not for this user */
      isDenied?: true;
    };

/** What the two system calls said: `ok`, the name of an error, or null when it was not tried. */
export type KvmLook = {
  /** open(2) of /dev/kvm for reading and writing, with the rights of a confined VMM */
  open: string;
  /** KVM_CREATE_VM */
  createVm: string | null;
  /** the module's parameter `nested` is on */
  nested: boolean;
};

/** Only looked up when a look fails. */
export type KvmHost = {
  user: string;
  isRoot: boolean;
  /** `ID` of os-release(5); empty when it is not known */
  distribution: string;
  /** `docker`, `systemd-nspawn`, … null when this host is a machine, or looks like one */
  container: string | null;
  isWsl: boolean;
  /** kvm_intel or kvm_amd is loaded, or built in */
  hasModule: boolean;
  /** of /dev/kvm; null when there is none */
  device: KvmDevice | null;
};

export type KvmDevice = {
  /** name of its group, or its number when it has no name */
  group: string;
  /** the mode lets the group read and write */
  isForGroup: boolean;
  /** udev gives it to whoever is logged in at the machine's own seat */
  isForSeat: boolean;
  /** `process`: this process is in the group; `account`: the user is, but was not when this process's session began */
  membership: "process" | "account" | "none";
};

/** The decision, separate from the look. @param cpuFlags the `flags` line of /proc/cpuinfo */
export function judgeKvm(look: KvmLook, cpuFlags: string, host: () => KvmHost): KvmProbe {
  if (look.open !== "ok") return notOpened(look.open, cpuFlags, host());
  if (look.createVm !== "ok") return { usable: false, ...noVm(look.createVm ?? "not tried", host()) };
  if (virtualisation(cpuFlags) !== null) return { usable: true, nested: look.nested };
  return {
    usable: false,
    why: "/dev/kvm opens but the CPU shows neither vmx nor svm: this KVM is para-virtual, and stock kernels do not boot on it",
    fix: "use hardware of your own, or a cloud machine with nested virtualisation (docs/hosts.md)",
  };
}

function notOpened(error: string, cpuFlags: string, host: KvmHost): KvmProbe {
  switch (error) {
    case "ENOENT":
      return { usable: false, ...absent(cpuFlags, host) };
    case "ENODEV":
    case "ENXIO":
      return {
        usable: false,
        why: `/dev/kvm is there, but no KVM module is loaded (${error})`,
        fix: hardwareFix(cpuFlags, host),
      };
    case "EACCES":
      return { usable: false, isDenied: true, ...denied(host) };
    case "EPERM":
      return {
        usable: false,
        isDenied: true,
        why: "the device policy of a container or a service forbids /dev/kvm (EPERM)",
        fix: "start the container with `--device /dev/kvm`, or give the service `DeviceAllow=/dev/kvm rw`",
      };
    default:
      return { usable: false, why: `/dev/kvm can't be opened: ${error}`, fix: kernelLog(host) };
  }
}

function absent(cpuFlags: string, host: KvmHost): { why: string; fix: string } {
  const fix = "start it with the device: `docker run --device /dev/kvm`, `podman run --device /dev/kvm`";
  if (host.container !== null) return { why: `there is no /dev/kvm in this container (${host.container})`, fix };
  if (host.isWsl)
    return {
      why: "there is no /dev/kvm in this WSL",
      fix: "set `nestedVirtualization=true` below `[wsl2]` in %UserProfile%\\.wslconfig, then run `wsl --shutdown`",
    };
  if (host.hasModule && virtualisation(cpuFlags) !== null)
    return { why: "there is no /dev/kvm here, though the kernel has KVM", fix };
  return { why: "there is no /dev/kvm", fix: hardwareFix(cpuFlags, host) };
}

/** What the CPU has, as the kernel's module is called. */
function virtualisation(cpuFlags: string): "kvm_intel" | "kvm_amd" | null {
  if (/\bvmx\b/.test(cpuFlags)) return "kvm_intel";
  return /\bsvm\b/.test(cpuFlags) ? "kvm_amd" : null;
}

function hardwareFix(cpuFlags: string, host: KvmHost): string {
  const module = virtualisation(cpuFlags);
  if (module !== null) return `run \`${sudo(host)}modprobe ${module}\`; if it fails, ${kernelLog(host)}`;
  if (/\bhypervisor\b/.test(cpuFlags))
    return "this host is a VM itself: turn on nested virtualisation where it runs (docs/hosts.md)";
  return "turn on hardware virtualisation (VT-x, AMD-V or SVM) in the machine's firmware";
}

function denied(host: KvmHost): { why: string; fix: string } {
  const { device } = host;
  if (device === null || device.membership === "process")
    return {
      why: "/dev/kvm may not be opened by this user",
      fix: "`getfacl /dev/kvm` shows who may; a security module can forbid it too",
    };
  if (!device.isForGroup || device.group === "root")
    return {
      why: "/dev/kvm belongs to root alone",
      fix: `run \`${sudo(host)}chgrp kvm /dev/kvm && ${sudo(host)}chmod 660 /dev/kvm\`, for good with a udev rule, and then ${joinGroup("kvm", host)}`,
    };
  const seat = device.isForSeat ? ", or whoever is logged in at the machine's own screen" : "";
  return {
    why: `/dev/kvm may not be opened by this user (only by the group ${device.group}${seat})`,
    fix: device.membership === "account" ? sinceLogin(device.group) : joinGroup(device.group, host),
  };
}

const again = "log out and in again, and run `banger daemon stop`: VMs keep running";

function sinceLogin(group: string): string {
  return `you joined the group ${group} after this session or the daemon had begun: ${again}`;
}

function joinGroup(group: string, host: KvmHost): string {
  const user = /^[\w.-]+$/.test(host.user) ? host.user : "$USER";
  if (host.distribution === "nixos")
    return `add "${group}" to \`users.users.${user}.extraGroups\` and rebuild; then ${again}`;
  if (/^\d+$/.test(group))
    return `run \`${sudo(host)}groupadd -g ${group} kvm\` and \`${sudo(host)}usermod -aG kvm ${user}\`, ${again}`;
  const line = host.distribution === "alpine" ? `addgroup ${user} ${group}` : `usermod -aG ${group} ${user}`;
  return `run \`${sudo(host)}${line}\`, ${again}`;
}

function noVm(error: string, host: KvmHost): { why: string; fix: string } {
  switch (error) {
    case "EBUSY":
      return {
        why: "another hypervisor uses the CPU's virtualisation (EBUSY)",
        fix: "end the VMs of VirtualBox or VMware: `lsmod | grep -e vbox -e vmmon` shows whether their modules are loaded",
      };
    case "EINTR":
      return { why: "signals interrupted each attempt to create a VM (EINTR)", fix: "try again" };
    case "ENOMEM":
      return { why: "the kernel has no memory for another VM (ENOMEM)", fix: "free some memory, and try again" };
    default:
      return { why: `/dev/kvm opens but refuses to create a VM (${error})`, fix: kernelLog(host) };
  }
}

function kernelLog(host: KvmHost): string {
  return `\`${sudo(host)}dmesg | grep -i kvm\` shows the kernel's reason`;
}

function sudo({ isRoot }: KvmHost): string {
  return isRoot ? "" : "sudo ";
}
