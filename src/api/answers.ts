/** The daemon's answers, by route: checked against the types of `model/` here, and against real answers by the daemon's tests. */
import * as z from "zod/mini";
import type * as artifact from "../model/artifact.ts";
import { type CatalogView, catalogKinds } from "../model/catalog.ts";
import { networkKinds } from "../model/network.ts";
import type { SnapshotView, TemplateRecord } from "../model/save.ts";
import { pauseKinds, troubleKinds, type VmView, vmStates } from "../model/vm.ts";
import {
  networkSpec,
  portEvent,
  portView,
  publishedPort,
  stateEvent,
  vmmSpec,
  wireError,
  workEvent,
} from "./events.ts";
import type { RouteName } from "./routes.ts";

/** A name, digest or id that was checked when it came in. */
const text = <T extends string>() => z.string() as unknown as z.ZodMiniType<T>;
const count = z.int();
/** Unix time in `ms`; a clock may have fractions */
const time = z.number();
const texts = z.record(z.string(), z.string());

const artifactRef = z.strictObject({
  name: text<artifact.ImageRecord["name"]>(),
  digest: text<artifact.ImageRecord["digest"]>(),
});
/** a driver's own facts beside these */
const savedState = z.looseObject({
  driver: z.string(),
  version: z.string(),
  memoryBytes: count,
  stateBytes: count,
});

const vmSpec = z.strictObject({
  vcpu: count,
  memoryMib: count,
  diskBytes: count,
  image: artifactRef,
  kernel: artifactRef,
  network: networkSpec,
  vmm: vmmSpec,
  env: texts,
  nested: z.exactOptional(z.literal(true)),
  idleMs: z.exactOptional(count),
  publish: z.exactOptional(z.readonly(z.array(publishedPort))),
  forward: z.exactOptional(z.literal(false)),
  allowHost: z.exactOptional(z.readonly(z.array(count))),
});

const vmView: z.ZodMiniType<VmView> = z.strictObject({
  id: text<VmView["id"]>(),
  name: text<VmView["name"]>(),
  state: z.enum(vmStates),
  spec: vmSpec,
  ephemeral: z.boolean(),
  createdAt: time,
  startedAt: z.nullable(time),
  generation: count,
  failure: z.nullable(
    z.strictObject({ reason: z.string(), console: z.array(z.string()), log: z.exactOptional(z.array(z.string())) }),
  ),
  startedHow: z.nullable(z.string()),
  suspended: z.nullable(z.strictObject({ save: savedState, why: z.string(), at: time })),
  pausedBy: z.nullable(
    z.strictObject({
      kind: z.enum(pauseKinds),
      reason: z.string(),
      next: z.string(),
      log: z.array(z.string()),
      at: time,
    }),
  ),
  troubles: z.array(z.strictObject({ kind: z.enum(troubleKinds), reason: z.string(), next: z.string(), at: time })),
  loopbackAddress: z.string(),
  syncedPaths: z.array(z.string()),
  awaitsSync: z.boolean(),
  diskUsed: count,
  address: z.nullable(z.string()),
  pid: z.nullable(count),
});

const layer = z.strictObject({
  digest: text<artifact.LayerRef["digest"]>(),
  bytes: count,
  root: z.nullable(z.strictObject({ mode: count, uid: count, gid: count })),
  hidesAll: z.boolean(),
  fileDigest: z.exactOptional(text<artifact.LayerRef["digest"]>()),
});
const imageFields = {
  name: text<artifact.ImageRecord["name"]>(),
  digest: text<artifact.ImageRecord["digest"]>(),
  layers: z.array(layer),
  kernel: z.nullable(text<artifact.ImageRecord["name"]>()),
  direct: z.nullable(layer),
  init: z.enum(["systemd", "other", "none"]),
  shell: z.boolean(),
  source: z.string(),
  config: z.strictObject({
    env: texts,
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    workdir: z.string(),
    user: z.string(),
  }),
  createdAt: time,
};
const problem = z.nullable(z.strictObject({ message: z.string(), hint: z.string() }));
const imageRecord: z.ZodMiniType<artifact.ImageRecord> = z.strictObject(imageFields);
const imageView: z.ZodMiniType<artifact.ImageView> = z.strictObject({
  ...imageFields,
  ownBytes: count,
  sharedBytes: count,
  usedBy: z.array(z.string()),
  problem,
});
const kernelFields = {
  name: text<artifact.KernelRecord["name"]>(),
  digest: text<artifact.KernelRecord["digest"]>(),
  release: z.string(),
  bytes: count,
  source: z.string(),
  createdAt: time,
};
const kernelRecord: z.ZodMiniType<artifact.KernelRecord> = z.strictObject(kernelFields);
const kernelView: z.ZodMiniType<artifact.KernelView> = z.strictObject({ ...kernelFields, problem });
const pruned: z.ZodMiniType<artifact.Pruned> = z.strictObject({
  images: z.array(artifactRef),
  bytes: count,
  templates: z.strictObject({ count, bytes: count }),
  leftovers: z.strictObject({ files: count, bytes: count }),
});

const snapshotView: z.ZodMiniType<SnapshotView> = z.strictObject({
  id: z.string(),
  vm: text<SnapshotView["vm"]>(),
  name: z.string(),
  save: z.nullable(savedState),
  bytes: count,
  createdAt: time,
  vmName: z.string(),
});
const template: z.ZodMiniType<TemplateRecord> = z.strictObject({
  key: text<TemplateRecord["key"]>(),
  facts: z.strictObject({
    image: artifactRef,
    kernel: artifactRef,
    vcpu: count,
    memoryMib: count,
    diskBytes: count,
    network: z.enum(networkKinds),
    nested: z.exactOptional(z.literal(true)),
    vmm: z.string(),
  }),
  save: savedState,
  bytes: count,
  createdAt: time,
  lastUsedAt: time,
  uses: count,
});

const bundle = z.strictObject({ url: z.string(), digest: text<TemplateRecord["key"]>(), size: count });
const catalogView: z.ZodMiniType<CatalogView> = z.strictObject({
  entries: z.array(
    z.strictObject({
      kind: z.enum(catalogKinds),
      name: text<artifact.ImageRecord["name"]>(),
      description: z.string(),
      catalog: z.nullable(z.string()),
      kernel: z.nullable(text<artifact.ImageRecord["name"]>()),
      from: z.union([z.strictObject({ bundle }), z.strictObject({ recipe: z.string() })]),
      here: z.enum(["yes", "no", "other"]),
    }),
  ),
  catalogs: z.array(
    z.strictObject({
      url: z.string(),
      entries: count,
      problem: z.nullable(z.string()),
      keptSince: z.nullable(time),
    }),
  ),
});

const daemonInfo = z.strictObject({
  pid: count,
  version: z.string(),
  api: count,
  socket: z.string(),
  startedAt: time,
  stateDirectory: z.string(),
  /** paths that could not be removed; the next daemon tries again */
  leftovers: z.array(z.strictObject({ path: z.string(), reason: z.string(), next: z.string() })),
  /** uncaught exceptions since it started: bugs that it survived */
  uncaught: z.strictObject({ count, last: z.nullable(z.string()) }),
  /** requests in progress: a resumable one continues through the next daemon; `pid` is of the process that asked */
  inUse: z.array(z.strictObject({ what: z.string(), pid: count, resumable: z.boolean() })),
});

/** Answers of several routes, under their names in `docs/api.md`. */
export const shared = {
  DaemonInfo: daemonInfo,
  VmView: vmView,
  ImageRecord: imageRecord,
  ImageView: imageView,
  KernelRecord: kernelRecord,
  KernelView: kernelView,
  SnapshotView: snapshotView,
  TemplateRecord: template,
  CatalogView: catalogView,
  WorkEvent: workEvent,
  StateEvent: stateEvent,
  PortEvent: portEvent,
  PortView: portView,
  Error: wireError,
};

const usableVmm = z.strictObject({
  driver: z.string(),
  version: z.string(),
  accel: z.string(),
  why: z.string(),
  fix: z.exactOptional(z.string()),
});

/** What system mode adds to a daemon. */
const systemInfo = z.strictObject({
  /** what the root helper reports; null: it does not, see `helperProblem` */
  helper: z.nullable(
    z.strictObject({
      version: z.string(),
      /** as `172.16.0.1/24`; null: there is none */
      bridge: z.nullable(z.string()),
      /** VMs that have a TAP interface */
      taps: count,
      /** NAT and the packet filter are complete */
      nat: z.boolean(),
      /** other firewalls on this host, each with what was done so that guests get through, and whether they do */
      firewalls: z.array(
        z.strictObject({
          kind: z.enum(["iptables", "iptables-legacy", "firewalld", "nftables"]),
          passed: z.boolean(),
          text: z.string(),
        }),
      ),
    }),
  ),
  helperProblem: z.nullable(z.strictObject({ why: z.string(), fix: z.string() })),
  /** why VMs have no control groups, as a clause; null: they have */
  limitsProblem: z.nullable(z.string()),
});

/** The DNS server of a user's own daemon, at 127.0.0.1. */
const userDns = z.strictObject({
  /** the config's `dns_port` when the daemon started; 0: names are not answered */
  asked: count,
  /** at which names are answered, UDP and TCP; null: they are not */
  port: z.nullable(count),
  /** why they are not, as a clause; null: they are, or need not be */
  problem: z.nullable(z.string()),
});

/** By route: the JSON answer, or the value of an NDJSON answer's `result`. The others answer bytes, or only events. */
export const byRoute = {
  daemonInfo,
  daemonStop: daemonInfo,
  host: z.strictObject({
    cpus: count,
    memoryBytes: count,
    /** the first of `vmms` */
    vmm: z.nullable(usableVmm),
    /** best first */
    vmms: z.array(usableVmm),
    /** `fix`: how to make it usable */
    unusableVmms: z.array(z.strictObject({ driver: z.string(), why: z.string(), fix: z.string() })),
    /** null: the daemon is a user's own */
    system: z.nullable(systemInfo),
    /** how a user's own daemon answers for names of VMs; null: in system mode, where it does so on the bridge */
    dns: z.nullable(userDns),
  }),
  listVms: z.array(vmView),
  showVm: vmView,
  portsVm: z.array(portView),
  createVm: vmView,
  deleteVm: z.strictObject({ id: z.string(), name: z.string() }),
  renameVm: vmView,
  noteSyncedPaths: vmView,
  startVm: vmView,
  /** `cut`: power was cut after the grace period */
  stopVm: z.strictObject({ vm: vmView, cut: z.boolean() }),
  restartVm: vmView,
  killVm: vmView,
  waitVm: vmView,
  holdVm: vmView,
  saveVm: imageRecord,
  pauseVm: vmView,
  resumeVm: vmView,
  suspendVm: vmView,
  forkVm: z.array(vmView),
  snapshotVm: snapshotView,
  snapshotsOfVm: z.array(snapshotView),
  restoreVm: vmView,
  listSnapshots: z.array(snapshotView),
  deleteSnapshot: snapshotView,
  listTemplates: z.array(template),
  showTemplate: template,
  warmTemplate: template,
  deleteTemplate: template,
  listImages: z.array(imageView),
  showImage: imageView,
  importImage: imageRecord,
  importDisk: imageRecord,
  importArchive: z.array(imageRecord),
  pullImage: imageRecord,
  tagImage: imageView,
  pruneImages: pruned,
  deleteImage: imageRecord,
  listCatalog: catalogView,
  listKernels: z.array(kernelView),
  showKernel: kernelView,
  importKernel: kernelRecord,
  pullKernel: kernelRecord,
  deleteKernel: kernelRecord,
} satisfies Partial<Record<RouteName, z.ZodMiniType>>;
