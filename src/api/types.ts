/** The daemon's API: what goes over the socket. `docs/api.md` is its description. Schemas that check these: `schema.ts`. */
import type { ConfigChange } from "../model/artifact.ts";
import type { Credential } from "../model/credential.ts";
import type { NetworkRequest } from "../model/network.ts";
import type { VmView, WaitKind } from "../model/vm.ts";

/** Bumped when an older CLI could not go on; sent in `GET /v1/daemon` and the `Banger-Api` header of every answer. */
export const apiVersion = 1;

export type DaemonInfo = {
  pid: number;
  version: string;
  api: number;
  socket: string;
  startedAt: number;
  stateDirectory: string;
  /** what should have been removed and could not be; the next daemon tries again */
  leftovers: { path: string; reason: string; next: string }[];
  /** exceptions that nobody caught since it began: bugs, which it survived */
  uncaught: { count: number; last: string | null };
  /** requests in progress */
  inUse: InUse[];
};

/** A request in progress. A resumable one continues through the next daemon; others end with this one. */
export type InUse = { what: string /** of the process that asked */; pid: number; resumable: boolean };

/** `POST /v1/daemon/stop?when=…`: at once; only if nothing is in use, else DAEMON_IN_USE; or as soon as nothing is */
export const stopTimes = ["now", "unused", "idle"] as const;
export type StopTime = (typeof stopTimes)[number];

/** `POST /v1/vms`; absent fields mean "config, host, constant decide". Answers NDJSON, result `VmView`. */
export type CreateVm = {
  name?: string;
  image?: string;
  kernel?: string;
  vcpu?: number;
  memoryMib?: number;
  diskBytes?: number;
  /** over the wire also a word: its kind */
  network?: NetworkRequest;
  env?: Record<string, string>;
  /** suspended after so long without use, in `ms` */
  idleMs?: number;
  /** what is going to be copied to its disk: refused where that is too small */
  workspace?: {
    /** of files, in whole blocks of 4 KiB */ bytes: number /** files, folders and links */;
    entries: number;
  };
  /** start it and wait until ready */
  start?: boolean;
  /** boot it, whatever templates there are */
  cold?: boolean;
  wait?: WaitKind;
  /**
   * Keep the answer open after its `result`: the VM is deleted when the connection closes, whatever the reason.
   * A VM whose guest never answered is kept.
   */
  lease?: boolean;
  /** what the VM is for, in a few words, for whoever is about to stop the daemon */
  purpose?: string;
};

/** `cold`: boot from its disk, whatever template or save there is */
export type StartVm = { wait?: WaitKind; cold?: boolean };
/** `graceMs`: how long the guest may take before power is cut; default 30_000 */
export type StopVm = { graceMs?: number };
export type StopResult = { vm: VmView /** power was cut after the grace period */; cut: boolean };
/** Both: the guest is asked to stop as by `StopVm`, then started. */
export type RestartVm = Omit<StartVm, "cold"> & StopVm;
/** What `DELETE /v1/vms/{name}` answers. */
export type DeletedVm = { id: string; name: string };
export type RenameVm = { name: string };
export type SaveVm = {
  /** the name of the new image */
  image: string;
  /** what it says otherwise than the VM's image about running it */
  config?: ConfigChange;
  /** where it is from, for people; else the VM */
  source?: string;
};
/** `names`: of the children; up to `count` the missing ones are picked. Answers NDJSON, result `VmView[]` */
export type ForkVm = { names?: string[]; count?: number };
/** absent: `s1`, `s2`, … */
export type SnapshotVm = { name?: string };
/** `cold`: boot from the snapshot's disk */
export type RestoreVm = { snapshot: string; cold?: boolean };
/** what decides about a VM's kind */
export type WarmTemplate = Pick<CreateVm, "image" | "kernel" | "vcpu" | "memoryMib" | "diskBytes" | "network">;

/** `POST /v1/images/{name}/pull`. The credential is used for this pull alone and kept nowhere. */
export type PullImage = { credential?: Credential /** plain http is all right */; insecure?: boolean };
export type TagImage = { name: string };
export type PruneImages = { /** also images that no VM uses, and templates */ all?: boolean; dryRun?: boolean };

export type HostInfo = {
  cpus: number;
  memoryBytes: number;
  vmm: { driver: string; version: string; accel: string; why: string } | null;
};

/** `GET /v1/vms/{name}/agent`, `Upgrade: banger-agent/1`: agent frames with tag 0; verbs a client may open. */
export const clientVerbs = ["exec", "resume", "put", "get", "dial", "ports", "stats"] as const;
export type ClientVerb = (typeof clientVerbs)[number];

export type ApiRoute = { method: "GET" | "POST" | "DELETE" | "PUT"; path: string; summary: string };

/** Every route, in one place; the server's table and docs/api.md are checked against it. */
export const routes = {
  daemonInfo: { method: "GET", path: "/v1/daemon", summary: "pid, version, socket" },
  daemonStop: {
    method: "POST",
    path: "/v1/daemon/stop",
    summary: "stop the daemon; VMs keep running; ?when=now|unused|idle",
  },
  host: { method: "GET", path: "/v1/host", summary: "capacity and VMM of this host" },
  listVms: { method: "GET", path: "/v1/vms", summary: "every VM" },
  createVm: { method: "POST", path: "/v1/vms", summary: "create, and start if asked (NDJSON)" },
  showVm: { method: "GET", path: "/v1/vms/{name}", summary: "one VM" },
  deleteVm: { method: "DELETE", path: "/v1/vms/{name}", summary: "kill if needed, and delete" },
  startVm: { method: "POST", path: "/v1/vms/{name}/start", summary: "start and wait until ready (NDJSON)" },
  stopVm: {
    method: "POST",
    path: "/v1/vms/{name}/stop",
    summary: "ask the guest, cut power after the grace period (NDJSON)",
  },
  restartVm: { method: "POST", path: "/v1/vms/{name}/restart", summary: "stop, then start (NDJSON)" },
  killVm: { method: "POST", path: "/v1/vms/{name}/kill", summary: "cut power at once" },
  renameVm: { method: "POST", path: "/v1/vms/{name}/rename", summary: "give it another name" },
  saveVm: {
    method: "POST",
    path: "/v1/vms/{name}/save",
    summary: "make an image of a stopped VM: its own, and what it changed (NDJSON)",
  },
  pauseVm: { method: "POST", path: "/v1/vms/{name}/pause", summary: "let it stand still, in memory" },
  resumeVm: { method: "POST", path: "/v1/vms/{name}/resume", summary: "let a paused VM go on" },
  suspendVm: {
    method: "POST",
    path: "/v1/vms/{name}/suspend",
    summary: "save it to the disk and end its process; the next use wakes it (NDJSON)",
  },
  forkVm: { method: "POST", path: "/v1/vms/{name}/fork", summary: "children that go on from where it is (NDJSON)" },
  snapshotVm: { method: "POST", path: "/v1/vms/{name}/snapshots", summary: "keep it as it is now (NDJSON)" },
  snapshotsOfVm: { method: "GET", path: "/v1/vms/{name}/snapshots", summary: "every snapshot of a VM" },
  restoreVm: { method: "POST", path: "/v1/vms/{name}/restore", summary: "go back to a snapshot (NDJSON)" },
  waitVm: { method: "GET", path: "/v1/vms/{name}/wait", summary: "answers when it is no longer running (NDJSON)" },
  leaseVm: {
    method: "GET",
    path: "/v1/vms/{name}/lease",
    summary: "hold an ephemeral VM again after the daemon's restart (NDJSON, stays open)",
  },
  logsVm: {
    method: "GET",
    path: "/v1/vms/{name}/logs",
    summary: "console or VMM log as bytes; ?source=console|vmm&follow=1",
  },
  agentVm: { method: "GET", path: "/v1/vms/{name}/agent", summary: "upgrade to agent frames" },
  events: { method: "GET", path: "/v1/events", summary: "every state change from now on (NDJSON)" },
  listSnapshots: { method: "GET", path: "/v1/snapshots", summary: "every snapshot of every VM" },
  deleteSnapshot: { method: "DELETE", path: "/v1/snapshots/{name}", summary: "delete a snapshot, by its id" },
  listTemplates: { method: "GET", path: "/v1/templates", summary: "every template" },
  showTemplate: { method: "GET", path: "/v1/templates/{name}", summary: "one template, by its key's first digits" },
  warmTemplate: { method: "POST", path: "/v1/templates", summary: "make a template if it isn't there (NDJSON)" },
  deleteTemplate: {
    method: "DELETE",
    path: "/v1/templates/{name}",
    summary: "delete a template, by its key's first digits",
  },
  listImages: { method: "GET", path: "/v1/images", summary: "every image" },
  showImage: { method: "GET", path: "/v1/images/{name}", summary: "one image" },
  importImage: {
    method: "POST",
    path: "/v1/images/{name}",
    summary: "body: root file system as a tar stream; ?source=…&twice=1 (NDJSON)",
  },
  importDisk: {
    method: "POST",
    path: "/v1/images/{name}/disk",
    summary: "body: an ext4 file system as the one file of a tar stream (NDJSON)",
  },
  importArchive: {
    method: "POST",
    path: "/v1/image-archives",
    summary: "body: `docker save`'s or an OCI layout's tar stream; ?source=…&image=…&name=…&fallback=… (NDJSON)",
  },
  pullImage: {
    method: "POST",
    path: "/v1/images/{name}/pull",
    summary: "get an image from its registry or a catalog (NDJSON)",
  },
  listCatalog: { method: "GET", path: "/v1/catalog", summary: "what can be pulled by a short name" },
  rootfsImage: {
    method: "GET",
    path: "/v1/images/{name}/rootfs",
    summary: "the image's tree, layers merged, as one plain tar stream; ?part=rootfs|direct",
  },
  tagImage: { method: "POST", path: "/v1/images/{name}/tag", summary: "give it one more name" },
  pruneImages: { method: "POST", path: "/v1/image-prune", summary: "remove what nothing uses, or say what that is" },
  exportImage: {
    method: "GET",
    path: "/v1/images/{name}/export",
    summary: "the image as an OCI layout, a tar stream that docker reads too",
  },
  deleteImage: { method: "DELETE", path: "/v1/images/{name}", summary: "take a name away; an image without one goes" },
  listKernels: { method: "GET", path: "/v1/kernels", summary: "every kernel" },
  showKernel: { method: "GET", path: "/v1/kernels/{name}", summary: "one kernel" },
  importKernel: {
    method: "POST",
    path: "/v1/kernels/{name}",
    summary: "body: a kernel package's files as a tar stream (boot/vmlinuz-*, lib/modules/*); ?source=… (NDJSON)",
  },
  pullKernel: { method: "POST", path: "/v1/kernels/{name}/pull", summary: "get a kernel from a catalog (NDJSON)" },
  exportKernel: {
    method: "GET",
    path: "/v1/kernels/{name}/export",
    summary: "the kernel as a tar stream that can be imported again",
  },
  deleteKernel: { method: "DELETE", path: "/v1/kernels/{name}", summary: "delete an unused kernel" },
} as const satisfies Record<string, ApiRoute>;
