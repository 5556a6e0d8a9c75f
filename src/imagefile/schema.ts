/** The schema of an image file: every key, its check and its error message. Documented in `docs/image-build.md`. */
import * as z from "zod/mini";
import { execProblem, isVariableName, variablesRule } from "../base/exec-limits.ts";
import { isImageName } from "../base/names.ts";
import { parseSize } from "../base/units.ts";
import { sizeBounds } from "../model/size-bounds.ts";

/** A string for which `test` holds. @param rule error message for any other value */
function text(rule: string, test: (text: string) => boolean) {
  return z.string({ error: rule }).check(z.refine((value) => !value.includes("\0") && test(value), { error: rule }));
}

function list<T extends z.ZodMiniType>(item: T, rule: string, most: number) {
  return z.array(item, { error: rule }).check(z.maxLength(most, { error: `has more than ${most} items` }));
}

function table<T extends Record<string, z.ZodMiniType>>(shape: T, rule: string) {
  const error = (issue: { code?: string }) => (issue.code === "invalid_type" ? rule : undefined);
  return z.strictObject(shape, { error });
}

/** As accepted by `--env`. */
function variables(key: string) {
  const rule = `must be a table of names and strings, as in \`[${key}]\` and \`CI = "1"\``;
  const name = z.string().check(z.refine(isVariableName, { error: rule }));
  const value = text(rule, () => true);
  return z
    .record(name, value, { error: rule })
    .check(z.refine((all) => execProblem([], all) === null, { error: variablesRule }));
}

function command(key: string, example: string) {
  const rule = `must be a list of strings, as in \`${key} = ${example}\``;
  return list(
    text(rule, (word) => word.length <= 8192),
    rule,
    256,
  );
}

const baseRule = 'must be an image, as in `base = "debian-bookworm"` or `base = "docker.io/library/alpine:3.20"`';
const suiteRule = 'must be the name of a Debian release, as in `suite = "bookworm"`';
const nameRule = 'must be a name such as `name = "dev"` or `name = "dev:v2"`';
const packagesRule = 'must be a list of packages, as in `packages = ["curl", "git"]`';
const packageRule = "is not a package name";
const pathRule = "must be an absolute path in the image, without `..`";
const sourceRule = "must be a path relative to this file's folder, without `..`";
const modeRule = 'must be permission bits in a string, as in `mode = "0755"`';
const ownerRule = 'must be a user, or a user and a group, as in `owner = "www-data:www-data"`';
const runRule = 'must be a list of steps, as in `run = ["make install", ["/bin/tool", "arg"]]`';
const stepRule = "must be a shell command, or a list of strings";
const userRule = 'must be a user, as in `user = "app"`';
const vcpuRule = `must be a whole number from ${sizeBounds.vcpu.min} to ${sizeBounds.vcpu.max}, as in \`vcpu = 2\``;
const memoryRule = 'must be a size from 128M to 1T, as in `memory = "2G"`';
const diskRule = 'must be a size from 256M to 64T, as in `disk = "20G"`';

function size(rule: string, min: number, max: number) {
  return text(rule, (value) => {
    const bytes = parseSize(value);
    return bytes !== null && bytes >= min && bytes <= max;
  });
}

export function isGuestPath(path: string): boolean {
  const parts = path.slice(1).split("/");
  return path.startsWith("/") && path.length <= 4000 && parts.every(isPlainName);
}

function isSourcePath(path: string): boolean {
  return path.length <= 4000 && path.replace(/^\.\//, "").replace(/\/$/, "").split("/").every(isPlainName);
}

function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && Buffer.byteLength(name) <= 255 && !name.includes("\n");
}

const fileSchema = table(
  {
    path: text(pathRule, isGuestPath),
    content: z.optional(z.string({ error: "must be a string" })),
    source: z.optional(text(sourceRule, isSourcePath)),
    mode: z.optional(text(modeRule, (mode) => /^[0-7]{3,4}$/.test(mode))),
    owner: z.optional(text(ownerRule, (owner) => /^[^\s:]{1,64}(?::[^\s:]{1,64})?$/.test(owner))),
  },
  "must be a table: `[[files]]`",
);

const vmSchema = table(
  {
    vcpu: z.optional(
      z
        .int({ error: vcpuRule })
        .check(z.refine((n) => n >= sizeBounds.vcpu.min && n <= sizeBounds.vcpu.max, { error: vcpuRule })),
    ),
    memory: z.optional(size(memoryRule, sizeBounds.memoryMib.min * 1024 ** 2, sizeBounds.memoryMib.max * 1024 ** 2)),
    disk: z.optional(size(diskRule, sizeBounds.diskBytes.min, sizeBounds.diskBytes.max)),
  },
  "must be a table: `[vm]`",
);

const argv = list(
  text(stepRule, () => true),
  stepRule,
  4096,
);
const step = z.union(
  [
    text(stepRule, (line) => line.trim() !== ""),
    argv.check(z.refine((words) => (words[0] ?? "") !== "", { error: stepRule })),
  ],
  { error: stepRule },
);

export const imageFileSchema = z.strictObject({
  name: z.optional(text(nameRule, isImageName)),
  base: z.optional(text(baseRule, (base) => base !== "" && base.length <= 512 && !/\s/.test(base))),
  suite: z.optional(text(suiteRule, (suite) => /^[a-z]{2,20}$/.test(suite))),
  packages: z.optional(
    list(
      text(packageRule, (one) => /^[A-Za-z0-9@][A-Za-z0-9+._:@=~/-]{0,254}$/.test(one)),
      packagesRule,
      1000,
    ),
  ),
  files: z.optional(list(fileSchema, "must be tables: `[[files]]`", 1000)),
  run: z.optional(list(step, runRule, 1000)),
  env: z.optional(variables("env")),
  entrypoint: z.optional(command("entrypoint", '["/usr/bin/app"]')),
  cmd: z.optional(command("cmd", '["serve"]')),
  user: z.optional(text(userRule, (user) => /^[^\s:]{1,64}(?::[^\s:]{1,64})?$/.test(user))),
  workdir: z.optional(
    text('must be an absolute path, as in `workdir = "/srv"`', (path) => path === "/" || isGuestPath(path)),
  ),
  environment: z.optional(variables("environment")),
  vm: z.optional(vmSchema),
});

export type RawImageFile = z.infer<typeof imageFileSchema>;
export type RawFile = z.infer<typeof fileSchema>;

/** The valid keys of the table at `path`, for "did you mean" and to check docs/image-build.md against the schema. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(imageFileSchema.shape);
  if (path[0] === "files") return Object.keys(fileSchema.shape);
  return path[0] === "vm" ? Object.keys(vmSchema.shape) : [];
}
