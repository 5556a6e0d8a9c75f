/** Saves an image plus what a VM wrote on top of it as a new image: only the difference is stored. */

import type { ImageName } from "../base/names.ts";
import type { TarKind } from "../formats/tar/header.ts";
import { directFolders, type ImageConfig, type ImageRecord, type LayerRef } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { assembleImage } from "./assemble.ts";
import { type ImageDeps, storingImage } from "./deps.ts";
import { hostOnlyCertificates, type VmCertificates } from "./host-certificates.ts";
import { type LayerSource, NoFilesError } from "./layer/convert.ts";
import { lowerOf, openUnion, withUnion } from "./open-union.ts";
import {
  certificateBundles,
  hostsFile,
  isPerVmFile,
  linkedFolders,
  usualPath,
  withoutCertificates,
  withoutHostName,
} from "./per-vm-files.ts";
import { refusing } from "./refusal.ts";
import { isSynced, resolvedPaths } from "./synced-files.ts";
import type { Union } from "./union/union.ts";

export type SavedMachine = VmCertificates & {
  name: ImageName;
  source: string;
  /** the image that the VM booted from */
  base: ImageRecord;
  config: ImageConfig;
  /** absolute paths of files and folders of the user that are left out */
  synced: readonly string[];
  /** what it changed, as a tar with overlayfs's whiteouts and opaque folders; each call reads it again */
  changes(): AsyncIterable<Uint8Array>;
  /** the folders stored directly on its disk, as a plain tar */
  direct(): AsyncIterable<Uint8Array>;
};

/** @returns the record, which the caller stores @throws IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL */
export async function saveImage(
  deps: ImageDeps,
  saved: SavedMachine,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, source, base, config } = saved;
  const budget = await deps.budget();
  const onProgress = (done: number) =>
    emit({ kind: "progress", step: "save", text: "storing what the VM changed", done });
  const options = { during: storingImage, budget, onProgress, signal };
  return refusing(name, { ...budget }, async () => {
    const lower = async () => {
      const { union, close } = await openUnion(deps.paths, base.layers);
      return { lower: lowerOf(union), close };
    };
    const certificates = await withUnion(deps.paths, base.layers, (union) => hostOnlyCertificates(saved, union));
    const links = await withUnion(deps.paths, base.layers, linksOf);
    const usual = (path: string) => usualPath(path, links);
    const rewrite = {
      isChanged: (path: string) => usual(path) === hostsFile || certificateBundles.has(usual(path)),
      change: (content: Uint8Array, path: string) =>
        usual(path) === hostsFile ? withoutHostName(content) : withoutCertificates(content, certificates),
    };
    const synced = await withUnion(deps.paths, base.layers, (union) => resolvedPaths(union, saved.synced));
    const leaveOut = (path: string, kind: TarKind) => isPerVmFile(usual(path), kind) || isSynced(path, synced);
    const changes: LayerSource = { ...stream(saved.changes), as: "changes", lower, leaveOut, rewrite };
    const layer = await deps.layers.add(
      changes,
      base.layers.map(({ digest }) => digest),
      options,
    );
    const direct = await directOf(deps, saved, options);
    const parts = { name, source, layers: [...base.layers, layer], direct, config };
    return assembleImage(deps, parts, emit, signal);
  });
}

/** Targets of the image's top-level folders that are links to others of its own folders. */
async function linksOf(union: Union): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const folder of linkedFolders) {
    const found = await union.resolve(folder);
    if (found?.node.kind === "folder" && found.path !== "" && found.path !== folder) links.set(folder, found.path);
  }
  return links;
}

/** Null if they are empty and always were. */
async function directOf(
  deps: ImageDeps,
  { base, direct }: SavedMachine,
  options: Parameters<ImageDeps["layers"]["add"]>[2],
): Promise<LayerRef | null> {
  const source: LayerSource = {
    ...stream(direct),
    lower: null,
    as: "data",
    mustHaveFiles: base.direct === null && !(await withUnion(deps.paths, base.layers, hasDirect)),
  };
  try {
    return await deps.layers.add(source, [], options);
  } catch (error) {
    if (error instanceof NoFilesError) return null;
    throw error;
  }
}

/** Unless the image has them separately, its VMs' direct folders start with the content of its tree. */
async function hasDirect(union: Union): Promise<boolean> {
  for (const folder of directFolders) if (await union.isFilled(folder)) return true;
  return false;
}

function stream(open: () => AsyncIterable<Uint8Array>) {
  return { open, canReopen: true, end: "marker", mustHaveFiles: false } as const;
}
