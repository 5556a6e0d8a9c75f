/** Which package provides a program, for hints: `install it with …`. */
import { existsSync } from "node:fs";

type Packages = {
  apt?: string;
  dnf?: string;
  pacman?: string;
  zypper?: string;
  apk?: string;
  why: string;
  /** what to do where no package manager has it */
  otherwise?: string;
};

const packages: Record<string, Packages> = {
  "qemu-system-x86_64": {
    apt: "qemu-system-x86",
    dnf: "qemu-system-x86-core",
    pacman: "qemu-system-x86",
    zypper: "qemu-x86",
    why: "to run VMs",
  },
  firecracker: {
    pacman: "firecracker",
    apk: "firecracker",
    why: "to run VMs",
    otherwise:
      "download its release for x86_64 from https://github.com/firecracker-microvm/firecracker/releases, unpack it, and put the program into PATH as `firecracker`, or name it with firecracker_bin in the config",
  },
  passt: { apt: "passt", dnf: "passt", pacman: "passt", zypper: "passt", why: "for the guest's network" },
  mmdebstrap: {
    apt: "mmdebstrap",
    dnf: "mmdebstrap",
    pacman: "mmdebstrap",
    zypper: "mmdebstrap",
    why: "to build the Debian image",
  },
  sqfstar: {
    apt: "squashfs-tools",
    dnf: "squashfs-tools",
    pacman: "squashfs-tools",
    zypper: "squashfs",
    why: "to store images",
  },
  mksquashfs: {
    apt: "squashfs-tools",
    dnf: "squashfs-tools",
    pacman: "squashfs-tools",
    zypper: "squashfs",
    why: "to store images",
  },
  "mkfs.ext4": {
    apt: "e2fsprogs",
    dnf: "e2fsprogs",
    pacman: "e2fsprogs",
    zypper: "e2fsprogs",
    why: "to format the VM's disk",
  },
  depmod: { apt: "kmod", dnf: "kmod", pacman: "kmod", zypper: "kmod", why: "to order the kernel's modules" },
  zstd: { apt: "zstd", dnf: "zstd", pacman: "zstd", zypper: "zstd", why: "to pack bundles" },
  xz: { apt: "xz-utils", dnf: "xz", pacman: "xz", zypper: "xz", why: "to unpack kernels" },
  lz4: { apt: "lz4", dnf: "lz4", pacman: "lz4", zypper: "lz4", why: "to unpack kernels" },
  "dpkg-deb": { apt: "dpkg", dnf: "dpkg", pacman: "dpkg", zypper: "dpkg", why: "to unpack the kernel's package" },
  "apt-get": { apt: "apt", dnf: "apt", pacman: "apt", zypper: "apt", why: "to fetch the kernel's package" },
  newuidmap: {
    apt: "uidmap",
    dnf: "shadow-utils",
    pacman: "shadow",
    zypper: "shadow",
    why: "to build images without root",
  },
  git: { apt: "git", dnf: "git", pacman: "git", zypper: "git", why: "to read the repository" },
  npm: { apt: "npm", dnf: "npm", pacman: "npm", zypper: "npm", why: "to fetch mise for the image" },
  nft: {
    apt: "nftables",
    dnf: "nftables",
    pacman: "nftables",
    zypper: "nftables",
    apk: "nftables",
    why: "for the bridge of system mode",
  },
  ip: {
    apt: "iproute2",
    dnf: "iproute",
    pacman: "iproute2",
    zypper: "iproute2",
    apk: "iproute2",
    why: "for the bridge of system mode",
  },
  ssh: {
    apt: "openssh-client",
    dnf: "openssh-clients",
    pacman: "openssh",
    zypper: "openssh-clients",
    apk: "openssh-client-default",
    why: "for `banger vm ssh`, and not for `banger vm exec`",
  },
  tar: { apt: "tar", dnf: "tar", pacman: "tar", zypper: "tar", why: "to unpack archives" },
};

const managers = [
  { program: "/usr/bin/apt-get", name: "apt", line: "apt install" },
  { program: "/usr/bin/dnf", name: "dnf", line: "dnf install" },
  { program: "/usr/bin/pacman", name: "pacman", line: "pacman -S" },
  { program: "/usr/bin/zypper", name: "zypper", line: "zypper install" },
  { program: "/sbin/apk", name: "apk", line: "apk add" },
] as const;

/** What a program is needed for, and the command that installs it on this host. */
export function missingTool(
  program: string,
  isThere: (path: string) => boolean = existsSync,
): { why: string; install: string } {
  const known = packages[program];
  if (!known) return { why: "here", install: `install ${program} and run the same command again` };
  const manager = managers.find((one) => isThere(one.program));
  const name = manager && known[manager.name];
  const otherwise = known.otherwise ?? `install the package that has ${program}`;
  return { why: known.why, install: name ? `install it with \`sudo ${manager.line} ${name}\`` : otherwise };
}
