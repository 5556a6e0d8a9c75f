/** Every path on the host that banger uses; `docs/internals.md` explains them. No other file joins these paths. */
import { fail } from "../base/errors/error.ts";
import type { Digest, VmId } from "../base/names.ts";

/** The facts that decide where the folders are. */
export type PathFacts = { home: string; env: Record<string, string | undefined> };

export type Roots = { state: string; cache: string; config: string; runtime: string };

/** XDG base directories; an empty or relative variable counts as unset (XDG Base Directory Specification 0.8). */
export function rootlessRoots(facts: PathFacts): Roots {
  const pick = (name: string, fallback: string) => {
    const value = facts.env[name];
    return value?.startsWith("/") ? value : fallback;
  };
  const state = `${pick("XDG_STATE_HOME", `${facts.home}/.local/state`)}/banger`;
  const runtime = facts.env["XDG_RUNTIME_DIR"];
  const roots = {
    state,
    cache: `${pick("XDG_CACHE_HOME", `${facts.home}/.cache`)}/banger`,
    config: `${pick("XDG_CONFIG_HOME", `${facts.home}/.config`)}/banger`,
    runtime: runtime?.startsWith("/") ? `${runtime}/banger` : `${state}/run`,
  };
  const unusable = Object.values(roots).find((path) => /[\ufffd\ud800-\udfff]/u.test(path));
  if (unusable !== undefined) throw fail("FOLDER_UNSAFE", { path: unusable, problem: "its path is not UTF-8" });
  return roots;
}

/** Folders of the system service. Its configuration is the owner's own. @param home the owner's @param root as for `systemPaths` */
export function systemRoots(home: string, root = ""): Roots {
  return {
    state: `${root}/var/lib/banger`,
    cache: `${root}/var/cache/banger`,
    config: `${home}/.config/banger`,
    runtime: `${root}/run/banger`,
  };
}

/** What `banger system install` puts in place. @param root what stands before each path; only tests and packagers give one */
export function systemPaths(root = "") {
  const programs = `${root}/usr/local/lib/banger`;
  const units = `${root}/etc/systemd/system`;
  return {
    settings: `${root}/etc/banger`,
    metadata: `${root}/etc/banger/install.json`,
    installJournal: `${root}/etc/banger/install.journal.json`,
    programs,
    version: (version: string) => `${programs}/${version}`,
    current: `${programs}/current`,
    previous: `${programs}/previous`,
    commands: `${root}/usr/local/bin`,
    command: (program: string) => `${root}/usr/local/bin/${program}`,
    unit: (name: string) => `${units}/${name}`,
    /** the link that has a unit started at boot */
    wanted: (name: string) => `${units}/multi-user.target.wants/${name}`,
    /** while an uninstall runs: has systemd end VMMs with the daemon */
    stopDropIn: `${root}/run/systemd/system/bangerd.service.d/uninstall.conf`,
    helperRuntime: `${root}/run/banger-root`,
    helperSocket: `${root}/run/banger-root/bangerd-root.sock`,
  };
}
export type SystemPaths = ReturnType<typeof systemPaths>;

export function pathsOf(roots: Roots) {
  return {
    roots,
    configFile: `${roots.config}/config.toml`,
    /** API socket of the daemon, mode 0600 */
    socket: `${roots.runtime}/bangerd.sock`,
    /** locked (flock) by the one daemon of this state folder; contains its pid */
    lock: `${roots.state}/bangerd.lock`,
    daemonLog: `${roots.state}/bangerd.log`,
    /** the daemon's output before its log is open */
    daemonStderr: `${roots.state}/bangerd.stderr`,
    database: `${roots.state}/banger.sqlite`,
    /** reserved space that is given up when the disk is full, so that things can be deleted */
    reserve: `${roots.state}/reserve`,
    sshKey: `${roots.state}/ssh/id_ed25519`,
    /** host keys of the VMs on the bridge; in system mode */
    knownHosts: `${roots.state}/ssh/known_hosts`,
    /** host key of the ssh gateway, and the file by which ssh knows it */
    gatewayKey: `${roots.state}/ssh/gateway_ed25519`,
    gatewayKnownHosts: `${roots.state}/ssh/gateway_known_hosts`,
    /** what `~/.ssh/config` includes */
    sshConfig: `${roots.config}/ssh_config`,
    /** what this user sent into VMs, by VM, and what the last apply to each work tree replaced */
    sent: `${roots.state}/workspaces/sent`,
    applied: `${roots.state}/workspaces/applied`,
    vms: `${roots.state}/vms`,
    vm: (id: VmId) => vmPaths(`${roots.state}/vms/${id}`),
    /** what a suspended VM is restored from, its disk only where it was kept; while a template is made, the template */
    suspended: (id: VmId) => savedPaths(`${roots.state}/vms/${id}/saved`),
    templates: `${roots.state}/templates`,
    template: (key: Digest) => savedPaths(`${roots.state}/templates/${hex(key)}`),
    snapshots: `${roots.state}/snapshots`,
    snapshot: (id: string) => savedPaths(`${roots.state}/snapshots/${id}`),
    layers: `${roots.cache}/layers`,
    layer: (digest: Digest) => `${roots.cache}/layers/${hex(digest)}.sqfs`,
    /** downloads, by their digest */
    blobs: `${roots.cache}/blobs`,
    blob: (digest: Digest) => `${roots.cache}/blobs/${hex(digest)}`,
    /** an incomplete download; the next try continues it */
    blobPart: (digest: Digest) => `${roots.cache}/blobs/${hex(digest)}.part`,
    catalogs: `${roots.cache}/catalogs`,
    /** the last valid catalog from a URL, with its signature; named by the sha256 of the URL */
    catalog: (url: Digest) => `${roots.cache}/catalogs/${hex(url)}`,
    kernels: `${roots.cache}/kernels`,
    kernel: (digest: Digest) => kernelPaths(`${roots.cache}/kernels/${hex(digest)}`),
    initramfs: (digest: Digest) => `${roots.cache}/initramfs/${hex(digest)}.cpio`,
    initramfsFolder: `${roots.cache}/initramfs`,
    /** formatted empty data disks, one per size, copied for each new VM */
    blankDisk: (bytes: number) => `${roots.cache}/disks/ext4-${bytes}.img`,
    /** unfinished work; everything here when the daemon starts is garbage */
    partial: `${roots.cache}/partial`,
    /** banger's own git directories while a workspace is read; one folder per process, stale ones are removed */
    /** unfinished work of host builders, a folder for each process */
    recipeScratch: `${roots.cache}/recipes`,
    workspaceScratch: `${roots.cache}/workspace`,
    tscFile: `${roots.cache}/tsc-khz`,
    /** which state folder the cache belongs to */
    cacheOwner: `${roots.cache}/owner.json`,
    /** locked (flock) by the one daemon that uses the cache; contains its pid */
    cacheLock: `${roots.cache}/bangerd.lock`,
  };
}

export type Paths = ReturnType<typeof pathsOf>;

/** Folders in which everything that the database does not know is removed when a daemon starts or a user prunes. */
export function sweptFolders(paths: Paths): string[] {
  const { vms, templates, snapshots, layers, kernels, partial, blobs, initramfsFolder } = paths;
  return [vms, templates, snapshots, layers, kernels, partial, blobs, initramfsFolder];
}

export function vmPaths(directory: string) {
  return {
    directory,
    disk: `${directory}/disk.ext4`,
    serialLog: `${directory}/serial.log`,
    vmmLog: `${directory}/vmm.log`,
    net: `${directory}/net.sock`,
    /** the host's end of a VMM's own vsock device; its name is part of a save, so it is the same in each VM's folder */
    vsock: `${directory}/v.sock`,
    netLog: `${directory}/net.log`,
  };
}
export type VmPaths = ReturnType<typeof vmPaths>;

/** The id of the VM whose folder that is: its name. */
export function vmIdAt(directory: string): VmId {
  return directory.slice(directory.lastIndexOf("/") + 1) as VmId;
}

/** A saved VM without its disks. */
export function savePaths(directory: string) {
  return {
    directory,
    memory: `${directory}/memory.bin`,
    state: `${directory}/state.bin`,
  };
}

/** A saved VM with its disk. */
export function savedPaths(directory: string) {
  return { ...savePaths(directory), disk: `${directory}/disk.ext4` };
}
export type SavedPaths = ReturnType<typeof savedPaths>;

export function kernelPaths(directory: string) {
  return {
    directory,
    vmlinux: `${directory}/vmlinux`,
    /** the content of `/lib/modules/<release>` */
    modules: `${directory}/modules.sqfs`,
    /** the few modules that the initramfs needs: plain `.ko` files, and lists in load order: `modules.list`, and `vsock.list` for VMMs with a vsock */
    bootModules: `${directory}/boot`,
    /** a kernel without it was stored by an earlier banger */
    vsockModules: `${directory}/boot/vsock.list`,
    /** the kernel's build configuration, if known */
    config: `${directory}/config`,
    manifest: `${directory}/kernel.json`,
  };
}
export type KernelPaths = ReturnType<typeof kernelPaths>;

function hex(digest: Digest): string {
  return digest.slice("sha256:".length);
}
