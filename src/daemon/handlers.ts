/** The handler of every route; a route without one does not compile. */
import type { Handler } from "./daemon.ts";
import type { RouteName } from "./router.ts";
import { agentVm } from "./routes/agent.ts";
import { listCatalog } from "./routes/catalog.ts";
import { daemonInfo, daemonStop, host } from "./routes/daemon.ts";
import { events } from "./routes/events.ts";
import {
  deleteImage,
  exportImage,
  importArchive,
  importDisk,
  importImage,
  listImages,
  pruneImages,
  pullImage,
  rootfsImage,
  showImage,
  tagImage,
} from "./routes/images.ts";
import { deleteKernel, exportKernel, importKernel, listKernels, pullKernel, showKernel } from "./routes/kernels.ts";
import { killVm, restartVm, saveVm, startVm, stopVm, waitVm } from "./routes/lifecycle.ts";
import { logsVm } from "./routes/logs.ts";
import {
  deleteSnapshot,
  deleteTemplate,
  forkVm,
  listSnapshots,
  listTemplates,
  pauseVm,
  restoreVm,
  resumeVm,
  showTemplate,
  snapshotsOfVm,
  snapshotVm,
  suspendVm,
  warmTemplate,
} from "./routes/saves.ts";
import { createVm, deleteVm, leaseVm, listVms, renameVm, showVm } from "./routes/vms.ts";

export const handlers: Record<RouteName, Handler> = {
  daemonInfo,
  daemonStop,
  host,
  listVms,
  createVm,
  showVm,
  deleteVm,
  startVm,
  stopVm,
  restartVm,
  killVm,
  renameVm,
  saveVm,
  pauseVm,
  resumeVm,
  suspendVm,
  forkVm,
  snapshotVm,
  snapshotsOfVm,
  restoreVm,
  waitVm,
  leaseVm,
  logsVm,
  agentVm,
  events,
  listSnapshots,
  deleteSnapshot,
  listTemplates,
  showTemplate,
  warmTemplate,
  deleteTemplate,
  listImages,
  showImage,
  importImage,
  importDisk,
  importArchive,
  pullImage,
  listCatalog,
  rootfsImage,
  tagImage,
  pruneImages,
  exportImage,
  deleteImage,
  listKernels,
  showKernel,
  importKernel,
  pullKernel,
  exportKernel,
  deleteKernel,
};
