/**
 * The bodies of requests: one schema each, from which the types are derived. Strict: an unknown field is a problem, reported with
 * its path. `api/types.ts` has the types without zod.
 */
import * as z from "zod/mini";
import { execProblem, isVariableName, variablesRule } from "../base/exec-limits.ts";
import { parseIpv4 } from "../base/ipv4.ts";
import { maxFileSyncEntries, pathProblem } from "../model/file-sync.ts";
import { maxHostPorts } from "../model/host-ports.ts";
import { maxDeny, namedDenyProblem, networkKinds, parseDeny } from "../model/network.ts";
import { maxPublished, twicePublished } from "../model/ports.ts";
import { sizeBounds } from "../model/size-bounds.ts";
import { waitKinds } from "../model/vm.ts";
import { vmmChoices } from "../model/vmm.ts";
import type { RouteName } from "./routes.ts";

/** A size within its bounds may still be more than the host has. */
const within = ({ min, max }: { min: number; max: number }) => z.int().check(z.gte(min), z.lte(max));
const size = {
  vcpu: within(sizeBounds.vcpu),
  memoryMib: within(sizeBounds.memoryMib),
  diskBytes: within(sizeBounds.diskBytes),
};

const envName = z.string().check(z.refine(isVariableName, "is not a name of an environment variable"));
const noNul = z.string().check(
  z.maxLength(8192),
  z.refine((text) => !text.includes("\0"), "has a NUL byte"),
);
/** What execve(2) accepts; no command could get a longer one. */
const env = z
  .record(envName, z.string().check(z.refine((text) => !text.includes("\0"), "has a NUL byte")))
  .check(z.refine((all) => execProblem([], all) === null, variablesRule));
const name = z.string().check(z.maxLength(64));
const reference = z.string().check(z.minLength(1), z.maxLength(512));
const milliseconds = z.int().check(z.gte(0), z.lte(86_400_000));
const idle = z.int().check(
  z.gte(0),
  z.lte(366 * 86_400_000),
  z.refine((ms) => ms === 0 || ms >= 1000, "is neither 0 nor 1000 or more"),
);
const wait = z.enum(waitKinds);

const denied = z.string().check(
  z.maxLength(64),
  z.refine((text) => parseDeny(text) !== null, { error: ({ input }) => namedDenyProblem(String(input)) }),
);
export const networkRequest = z.strictObject({
  kind: z.exactOptional(z.enum(networkKinds)),
  deny: z.exactOptional(
    z.pipe(
      z.array(denied).check(z.maxLength(maxDeny)),
      z.transform((all) => all.map((text) => parseDeny(text) ?? text)),
    ),
  ),
});
/** A string is the kind. */
export const network = z.pipe(
  z.transform((value: unknown) => (typeof value === "string" ? { kind: value } : value)),
  networkRequest,
);

const port = z.int().check(z.gte(1), z.lte(65_535));
const publish = z
  .array(
    z.strictObject({
      address: z.string().check(z.refine((text) => parseIpv4(text) !== null, "is not an IPv4 address")),
      hostPort: port,
      guestPort: port,
    }),
  )
  .check(
    z.maxLength(maxPublished),
    z.refine((all) => twicePublished(all) === null, "has a port of the host twice"),
  );

const allowHost = z.array(port).check(
  z.maxLength(maxHostPorts),
  z.refine((all) => new Set(all).size === all.length, "has a port twice"),
);

const count = z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER));

/** What decides which template a VM starts from. */
const vmKind = {
  image: z.exactOptional(reference),
  kernel: z.exactOptional(reference),
  vcpu: z.exactOptional(size.vcpu),
  memoryMib: z.exactOptional(size.memoryMib),
  diskBytes: z.exactOptional(size.diskBytes),
  network: z.exactOptional(network),
  vmm: z.exactOptional(z.enum(vmmChoices)),
  /** let the guest run VMs of its own */
  nested: z.exactOptional(z.boolean()),
};

/** `POST /v1/vms`; for an absent field the config, the host or a constant decides. */
const createVm = z.strictObject({
  name: z.exactOptional(name),
  ...vmKind,
  env: z.exactOptional(env),
  /** ports of the host, forwarded to it while it runs */
  publish: z.exactOptional(publish),
  /** false: what listens in the guest is not forwarded by itself */
  forward: z.exactOptional(z.boolean()),
  /** ports of the host's 127.0.0.1 that the guest reaches as `host.banger.internal` */
  allowHost: z.exactOptional(allowHost),
  /** start it and wait until ready */
  start: z.exactOptional(z.boolean()),
  wait: z.exactOptional(wait),
  /**
   * Keep the answer open after its `result`: the VM is deleted when the connection closes, whatever the reason.
   * A VM whose guest never answered is kept.
   */
  hold: z.exactOptional(z.boolean()),
  /** what the VM is for, in a few words, shown to a user who is about to stop the daemon */
  purpose: z.exactOptional(z.string().check(z.maxLength(200))),
  /** suspended after this time without use, in `ms` */
  idleMs: z.exactOptional(idle),
  /** what will be copied to its disk: refused if the disk is too small; bytes in whole blocks of 4 KiB */
  workspace: z.exactOptional(z.strictObject({ bytes: count, entries: count })),
  /** boot it, even if there is a template */
  cold: z.exactOptional(z.boolean()),
  /** the client copies the user's files into it once it has started for the first time (`file_sync`) */
  awaitsSync: z.exactOptional(z.boolean()),
});

/** `cold`: boot from its disk, even if there is a template or a save */
const startVm = z.strictObject({ wait: z.exactOptional(wait), cold: z.exactOptional(z.boolean()) });
/** `names`: of the children; up to `count` the missing ones are picked */
const forkVm = z.strictObject({
  names: z.exactOptional(z.array(name).check(z.maxLength(64))),
  count: z.exactOptional(z.int().check(z.gte(1), z.lte(64))),
});
/** absent: `s1`, `s2`, … */
const snapshotVm = z.strictObject({ name: z.exactOptional(name) });
/** `cold`: boot from the snapshot's disk */
const restoreVm = z.strictObject({ snapshot: name, cold: z.exactOptional(z.boolean()) });
/** what decides about a VM's kind */
const warmTemplate = z.strictObject(vmKind);
/** `graceMs`: how long the guest may take before power is cut; default 30_000 */
const stopVm = z.strictObject({ graceMs: z.exactOptional(milliseconds) });
/** Both: the guest is asked to stop, then started. */
const restartVm = z.strictObject({ wait: z.exactOptional(wait), graceMs: z.exactOptional(milliseconds) });
const word = noNul;
const words = z.array(word).check(
  z.maxLength(256),
  z.refine((all) => JSON.stringify(all).length <= 65_536, "is over 64 KiB in all"),
);
/** Changes to an image's configuration. */
const configChange = z.strictObject({
  env: z.exactOptional(env),
  entrypoint: z.exactOptional(words),
  cmd: z.exactOptional(words),
  workdir: z.exactOptional(word.check(z.refine(isWorkdir, "is not an absolute path"))),
  user: z.exactOptional(z.string().check(z.regex(/^[^\s\0]{0,256}$/, "is not a user"))),
});
const saveVm = z.strictObject({
  /** the name of the new image */
  image: reference,
  /** what differs from the configuration of the VM's image */
  config: z.exactOptional(configChange),
  /** the source to show; absent: the VM */
  source: z.exactOptional(z.string().check(z.minLength(1), z.maxLength(200))),
  /** also what `file_sync` has copied into the VM */
  withSyncedFiles: z.exactOptional(z.boolean()),
});
function isWorkdir(text: string): boolean {
  return text === "" || (text.startsWith("/") && !text.split("/").includes(".."));
}

const renameVm = z.strictObject({ name });
const guestFile = z
  .string()
  .check(z.refine((text) => pathProblem(text) === null, "is not an absolute path without . and .."));
/** `paths`: in the guest; `isComplete`: the files are there, so a first start has nothing left to copy */
const noteSyncedPaths = z.strictObject({
  paths: z.array(guestFile).check(z.maxLength(maxFileSyncEntries)),
  isComplete: z.exactOptional(z.boolean()),
});
const secret = z.string().check(z.minLength(1), z.maxLength(65_536));
/** The credential is used for this pull only and never stored. `insecure`: plain http is allowed. */
const pullImage = z.strictObject({
  credential: z.exactOptional(
    z.union([
      z.strictObject({ username: z.string().check(z.minLength(1), z.maxLength(512)), password: secret }),
      z.strictObject({ identityToken: secret }),
    ]),
  ),
  insecure: z.exactOptional(z.boolean()),
});
const tagImage = z.strictObject({ name: z.string().check(z.minLength(1), z.maxLength(512)) });
/** `all`: also images that no VM uses, and templates */
const pruneImages = z.strictObject({ all: z.exactOptional(z.boolean()), dryRun: z.exactOptional(z.boolean()) });
/** Routes that are not here take no body. */
export const bodies = {
  createVm,
  startVm,
  stopVm,
  restartVm,
  renameVm,
  noteSyncedPaths,
  saveVm,
  forkVm,
  snapshotVm,
  restoreVm,
  warmTemplate,
  pullImage,
  tagImage,
  pruneImages,
} satisfies Partial<Record<RouteName, z.ZodMiniType>>;
