/** Checks of everything that comes in over the API. Strict: an unknown field is a problem, with its path. */
import * as z from "zod/mini";
import { execProblem, isVariableName, variablesRule } from "../base/exec-limits.ts";
import { maxDeny, namedDenyProblem, networkKinds, parseDeny } from "../model/network.ts";
import { waitKinds } from "../model/vm.ts";

/** Bounds of what one request may ask; a size within them may still be more than the host has. */
const size = {
  vcpu: z.int().check(z.gte(1), z.lte(64)),
  memoryMib: z.int().check(z.gte(128), z.lte(1_048_576)),
  diskBytes: z.int().check(z.gte(268_435_456), z.lte(70_368_744_177_664)),
};

const envName = z.string().check(z.refine(isVariableName, "is no name of an environment variable"));
const noNul = z.string().check(
  z.maxLength(8192),
  z.refine((text) => !text.includes("\0"), "has a NUL byte"),
);
/** What a program can be given; longer ones can't be the environment of any command. */
const env = z
  .record(envName, z.string().check(z.refine((text) => !text.includes("\0"), "has a NUL byte")))
  .check(z.refine((all) => execProblem([], all) === null, variablesRule));
const name = z.string().check(z.maxLength(64));
const reference = z.string().check(z.minLength(1), z.maxLength(512));
const milliseconds = z.int().check(z.gte(0), z.lte(86_400_000));
const idle = z.int().check(
  z.lte(366 * 86_400_000),
  z.refine((ms) => ms === 0 || ms >= 1000, "is neither 0 nor 1000 or more"),
);
const wait = z.enum(waitKinds);

const denied = z.string().check(
  z.maxLength(64),
  z.refine((text) => parseDeny(text) !== null, { error: ({ input }) => namedDenyProblem(String(input)) }),
);
const networkRequest = z.strictObject({
  kind: z.optional(z.enum(networkKinds)),
  deny: z.optional(
    z.pipe(
      z.array(denied).check(z.maxLength(maxDeny)),
      z.transform((all) => all.map((text) => parseDeny(text) ?? text)),
    ),
  ),
});
/** A word is its kind. */
const network = z.pipe(
  z.transform((value: unknown) => (typeof value === "string" ? { kind: value } : value)),
  networkRequest,
);

const count = z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER));

/** What decides which template a VM begins from. */
const vmKind = {
  image: z.optional(reference),
  kernel: z.optional(reference),
  vcpu: z.optional(size.vcpu),
  memoryMib: z.optional(size.memoryMib),
  diskBytes: z.optional(size.diskBytes),
  network: z.optional(network),
};

export const createVmSchema = z.strictObject({
  name: z.optional(name),
  ...vmKind,
  env: z.optional(env),
  start: z.optional(z.boolean()),
  wait: z.optional(wait),
  lease: z.optional(z.boolean()),
  purpose: z.optional(z.string().check(z.maxLength(200))),
  idleMs: z.optional(idle),
  workspace: z.optional(z.strictObject({ bytes: count, entries: count })),
  cold: z.optional(z.boolean()),
});

export const startVmSchema = z.strictObject({ wait: z.optional(wait), cold: z.optional(z.boolean()) });
export const forkVmSchema = z.strictObject({
  names: z.optional(z.array(name).check(z.maxLength(64))),
  count: z.optional(z.int().check(z.gte(1), z.lte(64))),
});
export const snapshotVmSchema = z.strictObject({ name: z.optional(name) });
export const restoreVmSchema = z.strictObject({ snapshot: name, cold: z.optional(z.boolean()) });
export const warmTemplateSchema = z.strictObject(vmKind);
export const stopVmSchema = z.strictObject({ graceMs: z.optional(milliseconds) });
export const restartVmSchema = z.strictObject({ wait: z.optional(wait), graceMs: z.optional(milliseconds) });
const word = noNul;
const words = z.array(word).check(
  z.maxLength(256),
  z.refine((all) => JSON.stringify(all).length <= 65_536, "is over 64 KiB in all"),
);
/** Of what an image says about running it. */
const configChange = z.strictObject({
  env: z.optional(env),
  entrypoint: z.optional(words),
  cmd: z.optional(words),
  workdir: z.optional(word.check(z.refine(isWorkdir, "is no absolute path"))),
  user: z.optional(z.string().check(z.regex(/^[^\s\0]{0,256}$/, "is no user"))),
});
export const saveVmSchema = z.strictObject({
  image: reference,
  config: z.optional(configChange),
  source: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
});
function isWorkdir(text: string): boolean {
  return text === "" || (text.startsWith("/") && !text.split("/").includes(".."));
}

export const renameVmSchema = z.strictObject({ name });
const secret = z.string().check(z.minLength(1), z.maxLength(65_536));
export const pullImageSchema = z.strictObject({
  credential: z.optional(
    z.union([
      z.strictObject({ username: z.string().check(z.minLength(1), z.maxLength(512)), password: secret }),
      z.strictObject({ identityToken: secret }),
    ]),
  ),
  insecure: z.optional(z.boolean()),
});
export const tagImageSchema = z.strictObject({ name: z.string().check(z.minLength(1), z.maxLength(512)) });
export const pruneImagesSchema = z.strictObject({ all: z.optional(z.boolean()), dryRun: z.optional(z.boolean()) });
export const emptySchema = z.strictObject({});
