/** What each route takes and answers: the types that `api.ts` gives its callers. */
import {
  type CreateVm,
  type DaemonInfo,
  type DeletedVm,
  type ForkVm,
  type HostInfo,
  type PruneImages,
  type PullImage,
  type RenameVm,
  type RestartVm,
  type RestoreVm,
  routes,
  type SaveVm,
  type SnapshotVm,
  type StartVm,
  type StopResult,
  type StopVm,
  type TagImage,
  type WarmTemplate,
} from "../api/types.ts";
import type { ImageRecord, ImageView, KernelRecord, KernelView, Pruned } from "../model/artifact.ts";
import type { CatalogView } from "../model/catalog.ts";
import type { SnapshotView, TemplateRecord } from "../model/save.ts";
import type { VmView } from "../model/vm.ts";

/** Routes that answer one JSON value. */
export type JsonAnswers = {
  daemonInfo: DaemonInfo;
  daemonStop: DaemonInfo;
  host: HostInfo;
  listVms: VmView[];
  showVm: VmView;
  deleteVm: DeletedVm;
  killVm: VmView;
  renameVm: VmView;
  pauseVm: VmView;
  resumeVm: VmView;
  snapshotsOfVm: SnapshotView[];
  listSnapshots: SnapshotView[];
  deleteSnapshot: SnapshotView;
  listTemplates: TemplateRecord[];
  showTemplate: TemplateRecord;
  deleteTemplate: TemplateRecord;
  listImages: ImageView[];
  showImage: ImageView;
  tagImage: ImageView;
  pruneImages: Pruned;
  deleteImage: ImageRecord;
  listCatalog: CatalogView;
  listKernels: KernelView[];
  showKernel: KernelView;
  deleteKernel: KernelRecord;
};

/** Routes that answer events and, as the last of them, a result. */
export type WorkAnswers = {
  createVm: VmView;
  startVm: VmView;
  stopVm: StopResult;
  restartVm: VmView;
  saveVm: ImageRecord;
  suspendVm: VmView;
  forkVm: VmView[];
  snapshotVm: SnapshotView;
  restoreVm: VmView;
  warmTemplate: TemplateRecord;
  waitVm: VmView;
  pullImage: ImageRecord;
  pullKernel: KernelRecord;
};

/** Routes that take a tar stream, and answer events and a result. */
export type UploadAnswers = {
  importImage: ImageRecord;
  importDisk: ImageRecord;
  importArchive: ImageRecord[];
  importKernel: KernelRecord;
};

type Bodies = {
  createVm: CreateVm;
  startVm: StartVm;
  stopVm: StopVm;
  restartVm: RestartVm;
  renameVm: RenameVm;
  saveVm: SaveVm;
  forkVm: ForkVm;
  snapshotVm: SnapshotVm;
  restoreVm: RestoreVm;
  warmTemplate: WarmTemplate;
  pullImage: PullImage;
  tagImage: TagImage;
  pruneImages: PruneImages;
};

export type RouteName = keyof typeof routes;
type NamedRoute = {
  [R in RouteName]: (typeof routes)[R]["path"] extends `${string}{name}${string}` ? R : never;
}[RouteName];

/** Whom a call is about, and what it says. */
export type Target<R extends RouteName> = (R extends NamedRoute ? { name: string } : unknown) &
  (R extends "showImage" | "showKernel" | "daemonStop" ? { query?: Record<string, string> } : unknown) &
  (R extends keyof Bodies ? { body: Bodies[R] } : unknown);

/** The arguments of a call: none where there is nothing to say. */
export type TargetOf<R extends RouteName> = unknown extends Target<R> ? [] : [Target<R>];

export type WireCall = { method: string; path: string; body?: unknown };

export function wireCall(route: RouteName, target?: object, query: Record<string, string> = {}): WireCall {
  const { name, body } = (target ?? {}) as { name?: string; body?: unknown };
  const { method, path } = routes[route];
  const search = new URLSearchParams(query).toString();
  const filled = path.replace("{name}", encodeURIComponent(name ?? ""));
  return { method, path: search === "" ? filled : `${filled}?${search}`, ...(body === undefined ? {} : { body }) };
}
