/** Every route of the daemon's API: its name, method, path and form of answer. */
export type ApiRoute = {
  method: "GET" | "POST" | "DELETE" | "PUT";
  path: string;
  summary: string;
  /**
   * `json`: one value; `events`: NDJSON, with the value in the last event; `bytes`: a stream; `upgrade`: the connection itself.
   */
  answers: "json" | "events" | "bytes" | "upgrade";
  /** `tar`: a stream; `json` (a POST's unless it says otherwise): what `requests.ts` has for it, else nothing */
  takes?: "tar";
};

/** The daemon's handlers, the client's calls, docs/api.md and docs/openapi.json are checked against it. */
export const routes = {
  daemonInfo: { method: "GET", path: "/v1/daemon", summary: "pid, version, socket", answers: "json" },
  daemonStop: {
    method: "POST",
    path: "/v1/daemon/stop",
    summary: "stop the daemon; VMs keep running; ?when=now|unused|idle",
    answers: "json",
  },
  host: { method: "GET", path: "/v1/host", summary: "capacity and VMM of this host", answers: "json" },
  listVms: { method: "GET", path: "/v1/vms", summary: "every VM", answers: "json" },
  createVm: { method: "POST", path: "/v1/vms", summary: "create, and start if asked (NDJSON)", answers: "events" },
  showVm: { method: "GET", path: "/v1/vms/{name}", summary: "one VM", answers: "json" },
  portsVm: { method: "GET", path: "/v1/vms/{name}/ports", summary: "where its ports are reached", answers: "json" },
  deleteVm: { method: "DELETE", path: "/v1/vms/{name}", summary: "kill if needed, and delete", answers: "json" },
  startVm: {
    method: "POST",
    path: "/v1/vms/{name}/start",
    summary: "start and wait until ready (NDJSON)",
    answers: "events",
  },
  stopVm: {
    method: "POST",
    path: "/v1/vms/{name}/stop",
    summary: "ask the guest, cut power after the grace period (NDJSON)",
    answers: "events",
  },
  restartVm: {
    method: "POST",
    path: "/v1/vms/{name}/restart",
    summary: "stop, then start (NDJSON)",
    answers: "events",
  },
  killVm: { method: "POST", path: "/v1/vms/{name}/kill", summary: "cut power at once", answers: "json" },
  renameVm: { method: "POST", path: "/v1/vms/{name}/rename", summary: "give it another name", answers: "json" },
  noteSyncedPaths: {
    method: "POST",
    path: "/v1/vms/{name}/synced-paths",
    summary:
      "note where `file_sync` is about to copy the user's files, or that it has; an image saved of it is without them",
    answers: "json",
  },
  saveVm: {
    method: "POST",
    path: "/v1/vms/{name}/save",
    summary: "make an image of a stopped VM: its own, and what it changed (NDJSON)",
    answers: "events",
  },
  pauseVm: { method: "POST", path: "/v1/vms/{name}/pause", summary: "pause it; it stays in memory", answers: "json" },
  resumeVm: { method: "POST", path: "/v1/vms/{name}/resume", summary: "resume a paused VM", answers: "json" },
  suspendVm: {
    method: "POST",
    path: "/v1/vms/{name}/suspend",
    summary: "save it to the disk and end its process; the next use wakes it (NDJSON)",
    answers: "events",
  },
  forkVm: {
    method: "POST",
    path: "/v1/vms/{name}/fork",
    summary: "start children from its present state (NDJSON)",
    answers: "events",
  },
  snapshotVm: {
    method: "POST",
    path: "/v1/vms/{name}/snapshots",
    summary: "keep it as it is now (NDJSON)",
    answers: "events",
  },
  snapshotsOfVm: {
    method: "GET",
    path: "/v1/vms/{name}/snapshots",
    summary: "every snapshot of a VM",
    answers: "json",
  },
  restoreVm: {
    method: "POST",
    path: "/v1/vms/{name}/restore",
    summary: "go back to a snapshot (NDJSON)",
    answers: "events",
  },
  waitVm: {
    method: "GET",
    path: "/v1/vms/{name}/wait",
    summary: "answers when it is no longer running (NDJSON)",
    answers: "events",
  },
  holdVm: {
    method: "GET",
    path: "/v1/vms/{name}/hold",
    summary: "take a new hold of an ephemeral VM after the daemon's restart (NDJSON, stays open)",
    answers: "events",
  },
  logsVm: {
    method: "GET",
    path: "/v1/vms/{name}/logs",
    summary: "console or VMM log as bytes; ?source=console|vmm&follow=1",
    answers: "bytes",
  },
  agentVm: { method: "GET", path: "/v1/vms/{name}/agent", summary: "upgrade to agent frames", answers: "upgrade" },
  events: {
    method: "GET",
    path: "/v1/events",
    summary: "every change of a VM's state or ports from now on (NDJSON)",
    answers: "events",
  },
  listSnapshots: { method: "GET", path: "/v1/snapshots", summary: "every snapshot of every VM", answers: "json" },
  deleteSnapshot: {
    method: "DELETE",
    path: "/v1/snapshots/{name}",
    summary: "delete a snapshot, by its id",
    answers: "json",
  },
  listTemplates: { method: "GET", path: "/v1/templates", summary: "every template", answers: "json" },
  showTemplate: {
    method: "GET",
    path: "/v1/templates/{name}",
    summary: "one template, by its key's first digits",
    answers: "json",
  },
  warmTemplate: {
    method: "POST",
    path: "/v1/templates",
    summary: "make a template if there is none (NDJSON)",
    answers: "events",
  },
  deleteTemplate: {
    method: "DELETE",
    path: "/v1/templates/{name}",
    summary: "delete a template, by its key's first digits",
    answers: "json",
  },
  listImages: { method: "GET", path: "/v1/images", summary: "every image", answers: "json" },
  showImage: { method: "GET", path: "/v1/images/{name}", summary: "one image", answers: "json" },
  importImage: {
    method: "POST",
    path: "/v1/images/{name}",
    summary: "body: root file system as a tar stream; ?source=…&twice=1 (NDJSON)",
    answers: "events",
    takes: "tar",
  },
  importDisk: {
    method: "POST",
    path: "/v1/images/{name}/disk",
    summary: "body: an ext4 file system as the one file of a tar stream (NDJSON)",
    answers: "events",
    takes: "tar",
  },
  importArchive: {
    method: "POST",
    path: "/v1/image-archives",
    summary: "body: `docker save`'s or an OCI layout's tar stream; ?source=…&image=…&name=…&fallback=… (NDJSON)",
    answers: "events",
    takes: "tar",
  },
  pullImage: {
    method: "POST",
    path: "/v1/images/{name}/pull",
    summary: "get an image from its registry or a catalog (NDJSON)",
    answers: "events",
  },
  listCatalog: { method: "GET", path: "/v1/catalog", summary: "what can be pulled by a short name", answers: "json" },
  rootfsImage: {
    method: "GET",
    path: "/v1/images/{name}/rootfs",
    summary: "the image's tree, layers merged, as one plain tar stream; ?part=rootfs|direct",
    answers: "bytes",
  },
  tagImage: { method: "POST", path: "/v1/images/{name}/tag", summary: "give it one more name", answers: "json" },
  pruneImages: {
    method: "POST",
    path: "/v1/image-prune",
    summary: "remove what nothing uses, or list it",
    answers: "json",
  },
  exportImage: {
    method: "GET",
    path: "/v1/images/{name}/export",
    summary: "the image as an OCI layout, a tar stream that docker reads too",
    answers: "bytes",
  },
  deleteImage: {
    method: "DELETE",
    path: "/v1/images/{name}",
    summary: "remove a name; with its last one the image is deleted",
    answers: "json",
  },
  listKernels: { method: "GET", path: "/v1/kernels", summary: "every kernel", answers: "json" },
  showKernel: { method: "GET", path: "/v1/kernels/{name}", summary: "one kernel", answers: "json" },
  importKernel: {
    method: "POST",
    path: "/v1/kernels/{name}",
    summary: "body: a kernel package's files as a tar stream (boot/vmlinuz-*, lib/modules/*); ?source=… (NDJSON)",
    answers: "events",
    takes: "tar",
  },
  pullKernel: {
    method: "POST",
    path: "/v1/kernels/{name}/pull",
    summary: "get a kernel from a catalog (NDJSON)",
    answers: "events",
  },
  exportKernel: {
    method: "GET",
    path: "/v1/kernels/{name}/export",
    summary: "the kernel as a tar stream that can be imported again",
    answers: "bytes",
  },
  deleteKernel: { method: "DELETE", path: "/v1/kernels/{name}", summary: "delete an unused kernel", answers: "json" },
} as const satisfies Record<string, ApiRoute>;

export type RouteName = keyof typeof routes;
