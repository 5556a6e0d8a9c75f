/** Images and kernels, as the lifecycle code needs them. */

import { Catalogs } from "../artifacts/catalog/catalogs.ts";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { Downloads } from "../artifacts/download.ts";
import type { Pause } from "../artifacts/retry.ts";
import { removeLeftovers, removeOwnStrays, removeUnfinished } from "../artifacts/strays.ts";
import { VerifiedFiles } from "../artifacts/verified.ts";
import { orAborted } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import type { Reference } from "../base/reference.ts";
import type { Config } from "../config/config.ts";
import { exists } from "../host/files/files.ts";
import { createHttp, createZoneOf, dockerCertificates, systemCertificates } from "../host/net/http-fetch.ts";
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import { ImageBundles } from "../images/bundle.ts";
import { checkImage, verifyImage } from "../images/check.ts";
import { deleteLayers } from "../images/delete.ts";
import { defaultBudget, type ImageDeps } from "../images/deps.ts";
import { receiveDisk } from "../images/disk/receive.ts";
import { importRootfs, importTree } from "../images/import.ts";
import { Layers } from "../images/layers.ts";
import { importArchive } from "../images/oci/archive.ts";
import { exportImage } from "../images/oci/export.ts";
import { Puller } from "../images/pull.ts";
import { recipeFor } from "../images/recipes.ts";
import { openRegistry } from "../images/registry/client.ts";
import { exportRootfs } from "../images/rootfs/export.ts";
import { saveImage } from "../images/save.ts";
import { KernelBundles } from "../kernels/bundle.ts";
import { checkKernel, verifyKernel } from "../kernels/check.ts";
import { deleteKernels } from "../kernels/delete.ts";
import { exportKernel } from "../kernels/export.ts";
import { importKernelPackage } from "../kernels/import.ts";
import { ensureInitramfs } from "../kernels/initramfs.ts";
import type { MachineArtifacts, PullRequest } from "../machines/images/artifacts-port.ts";
import type { Emit } from "../model/event.ts";
import type { Paths } from "../model/paths.ts";
import type { Store } from "../store/store.ts";

import { catalogTimeoutMs, webOf } from "./web.ts";

type Facts = {
  exec: Exec;
  cage: ToolCage;
  paths: Paths;
  /** path of `banger-vsock-agent` */
  agent: string;
  store: Pick<Store, "images">;
  env: Record<string, string | undefined>;
  cpus: number;
  /** see `CacheOwner` */
  cacheSince: number;
  config(): Promise<Config>;
};

export function wireArtifacts(facts: Facts): MachineArtifacts {
  const { paths, agent, exec, cage, store, cpus, cacheSince } = facts;
  const now = () => Date.now();
  const deps: ArtifactDeps = { paths, exec, cage, now };
  const verified = new VerifiedFiles();
  const checks = { ...deps, verified };
  const layers = new Layers({ paths, verified, knownLayer: (digest) => store.images.layer(digest), cpus, cage });
  const budget = async () => ({ ...defaultBudget, bytes: (await facts.config()).imageMaxBytes });
  const images: ImageDeps = { paths, layers, cage, now, budget };
  const downloads = new Downloads({ paths, pause });
  const web = webOf(facts.env);
  const sources = async () => (await facts.config()).catalogs;
  const catalogs = new Catalogs({ web, paths, timeoutMs: catalogTimeoutMs, sources });
  const imageBundles = new ImageBundles({ ...images, downloads, web });
  const kernelBundles = new KernelBundles({ ...deps, downloads, web });
  const puller = new Puller({
    ...images,
    downloads,
    verified,
    imageFromSource: (digest) => store.images.bySourceDigest(digest),
  });
  return {
    checkImage: (image) => checkImage(deps, image),
    checkKernel: (kernel) => checkKernel(deps, kernel),
    verifyImage: (image, again) => verifyImage(checks, image, again),
    verifyKernel: (kernel, again) => verifyKernel(checks, kernel, again),
    async initramfs(kernel) {
      if (!(await exists(agent))) throw fail("TOOL_MISSING", agentMissing(agent));
      return ensureInitramfs({ ...checks, requireWhole: (one) => verifyKernel(checks, one) }, { kernel, agent });
    },
    importImage: (upload, emit, signal) => importRootfs(images, upload, emit, signal),
    receiveDisk: (upload, emit, signal) => receiveDisk(images, upload, emit, signal),
    importTree: (tree, emit, signal) => importTree(images, tree, emit, signal),
    importArchive: (upload, emit, signal) => importArchive(images, upload, emit, signal),
    pullImage: async (request, emit, signal) =>
      puller.pull(request.reference, await registryFor(facts, request, emit), emit, signal),
    findInCatalogs: (kind, name, signal) => catalogs.find(kind, name, signal),
    lookAtCatalogs: (signal) => catalogs.look(signal),
    catalogNames: (kind) => catalogs.names(kind),
    pullImageBundle: (entry, ref, emit, signal) => imageBundles.pull(entry, ref, emit, signal),
    pullKernelBundle: (entry, ref, emit, signal) => kernelBundles.pull(entry, ref, emit, signal),
    exportRootfs: (image, part, signal) => exportRootfs(paths, image, part, signal),
    exportKernel: (kernel, signal) => exportKernel(paths, kernel, signal),
    saveImage: (saved, emit, signal) => saveImage(images, saved, emit, signal),
    exportImage: (image, signal) => exportImage(paths, image, signal),
    importKernel: (upload, emit, signal) => importKernelPackage(deps, upload, emit, signal),
    removeLayers: (digests) => deleteLayers({ paths }, digests),
    removeKernels: (digests) => deleteKernels({ paths }, digests),
    removeStrays: (known) => removeOwnStrays(paths, known, cacheSince),
    removeUnfinished: () => removeUnfinished(paths, cacheSince),
    removeLeftovers: (which, dryRun) => removeLeftovers(paths, which, dryRun),
    imageRecipe: recipeFor,
  };
}

async function registryFor(facts: Facts, request: PullRequest & { reference: Reference }, emit: Emit) {
  const { registry } = request.reference;
  const { registryMirrors, insecureRegistries } = await facts.config();
  const certificates = [systemCertificates(facts.env), ...dockerCertificates(registry)].filter(
    (text) => text !== undefined,
  );
  const http = createHttp(certificates.length > 0 ? certificates.join("\n") : undefined);
  return openRegistry({ http, zoneOf: createZoneOf(), pause, now: () => Date.now() }, request.reference, {
    credential: request.credential,
    insecure: request.insecure || insecureRegistries.includes(registry),
    mirrors: registryMirrors[registry] ?? [],
    warn: (text) => emit({ kind: "note", level: "warn", text }),
  });
}

const pause: Pause = (ms, signal) => {
  let timer: ReturnType<typeof setTimeout>;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return orAborted(over, signal).finally(() => clearTimeout(timer));
};

function agentMissing(agent: string) {
  const install = `put it at ${agent}, beside bangerd, as an installation does, or set BANGER_AGENT to its path`;
  return { tool: "banger-vsock-agent", why: "in every VM", install };
}
