/** The schema of config.toml: every key, its check, and the texts of problems. `docs/config.md` documents the same keys. */
import * as z from "zod/mini";
import { nearest } from "../base/text.ts";
import { parseDuration, parseSize } from "../base/units.ts";
import { sourceProblem } from "../base/url.ts";
import { parseBridge } from "../model/bridge.ts";
import { maxDeny, namedDenyProblem, networkKinds, parseDeny } from "../model/network.ts";
import { sizeBounds } from "../model/size-bounds.ts";
import { vmmChoices } from "../model/vmm.ts";
import { fileSyncSchema, fileSyncTable } from "./file-sync.ts";

const vcpuRule = `must be a whole number from ${sizeBounds.vcpu.min} to ${sizeBounds.vcpu.max}, as in \`vcpu = 2\``;
const memoryRule = `must be an even whole number of MiB from ${sizeBounds.memoryMib.min} to ${sizeBounds.memoryMib.max}, as in \`memory_mib = 2048\``;
const diskRule = 'must be a size from 256M to 64T, as in `disk_size = "8G"`';

function whole(rule: string, bounds: { min: number; max: number }, multipleOf = 1) {
  return z.number({ error: rule }).check(
    z.refine((n) => Number.isInteger(n) && n >= bounds.min && n <= bounds.max && n % multipleOf === 0, {
      error: rule,
    }),
  );
}

const diskSize = z.string({ error: diskRule }).check(
  z.refine(
    (text) => {
      const bytes = parseSize(text);
      return bytes !== null && bytes >= sizeBounds.diskBytes.min && bytes <= sizeBounds.diskBytes.max;
    },
    { error: diskRule },
  ),
);

const vmDefaultsSchema = z.strictObject(
  {
    vcpu: z.optional(whole(vcpuRule, sizeBounds.vcpu)),
    memory_mib: z.optional(whole(memoryRule, sizeBounds.memoryMib, 2)),
    disk_size: z.optional(diskSize),
  },
  { error: tableRule("vm_defaults") },
);

const mirrorRule = 'must be a table of lists of hosts, as in `"docker.io" = ["mirror.example.com"]`';
const hostsRule = 'must be a list of hosts, as in `["registry.example.com:5000"]`';
const imageMaxRule = 'must be a size from 1M to 16T, as in `image_max_size = "64G"`';

const templateMaxRule = 'must be a size up to 16T, or "0" for no templates, as in `template_max_size = "10G"`';

const idleRule = 'must be a time from 1s on, or "never", as in `idle_timeout = "30m"`';

const idleTime = z
  .string({ error: idleRule })
  .check(z.refine((text) => text === "never" || (parseDuration(text) ?? 0) >= 1000, { error: idleRule }));

const host = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;

function hosts(rule: string, pattern: RegExp) {
  return z
    .array(z.string({ error: rule }).check(z.refine((text) => pattern.test(text), { error: rule })), { error: rule })
    .check(z.maxLength(20, { error: rule }));
}

const mirror = /^(?:https?:\/\/)?[A-Za-z0-9[][A-Za-z0-9.:\]-]*\/?$/;

function maxSize(rule: string, isFine: (bytes: number) => boolean) {
  const check = (text: string) => {
    const bytes = parseSize(text);
    return bytes !== null && bytes <= 16 * 1024 ** 4 && isFine(bytes);
  };
  return z.string({ error: rule }).check(z.refine(check, { error: rule }));
}

const catalogsRule =
  'must be a list of tables, as in `[{ url = "https://example.com/catalog.toml", key = "example.pub" }]`';
const keyRule = "must be the path of a public key, absolute or seen from this file's folder";

const catalogUrlSchema = z.strictObject(
  {
    url: z
      .string({ error: "must be the URL of a catalog" })
      .check(
        z.refine((text) => sourceProblem(text) === null, { error: ({ input }) => sourceProblem(String(input)) ?? "" }),
      ),
    key: z
      .string({ error: keyRule })
      .check(z.refine((text) => /^[^\0\n~][^\0\n]{0,4095}$/.test(text) && !text.includes("://"), { error: keyRule })),
  },
  { error: (issue) => (issue.code === "invalid_type" ? catalogsRule : undefined) },
);

const kindRule = `must be ${networkKinds.map((kind) => `"${kind}"`).join(" or ")}, as in \`kind = "user"\``;
const denyRule = `must be a list of up to ${maxDeny} networks, as in \`deny = ["10.0.0.0/8", "lan"]\``;

const bridgeRule =
  'must be a private address with a prefix length from 16 to 28, as in `bridge = "172.16.0.1/24"`: the host\'s address on the bridge';

const networkSchema = z.strictObject(
  {
    bridge: z.optional(
      z.string({ error: bridgeRule }).check(z.refine((text) => parseBridge(text) !== null, { error: bridgeRule })),
    ),
    isolate: z.optional(z.boolean({ error: "must be true or false" })),
    kind: z.optional(z.enum(networkKinds, { error: ({ input }) => `${kindRule}${meant(input, networkKinds)}` })),
    deny: z.optional(
      z
        .array(
          z
            .string({ error: denyRule })
            .check(
              z.refine((text) => parseDeny(text) !== null, { error: ({ input }) => namedDenyProblem(String(input)) }),
            ),
          { error: denyRule },
        )
        .check(z.maxLength(maxDeny, { error: denyRule })),
    ),
  },
  { error: tableRule("network") },
);

/** A string is the network's kind. */
const networkOrKind = z.pipe(
  z.transform((value: unknown) => (typeof value === "string" ? { kind: value } : value)),
  networkSchema,
);

const vmmRule = `must be ${vmmChoices.map((choice) => `"${choice}"`).join(", ")}, as in \`vmm = "auto"\``;
const programRule =
  'must be an absolute path, or one that begins with ~/, as in `firecracker_bin = "~/bin/firecracker"`';

const sshKeyRule =
  'must be an absolute path, or one that begins with ~/, as in `ssh_key_path = "~/.ssh/id_ed25519"`, without control characters and any of " \\ $';

/** Of a file, absolute or below the home. */
function filePath(rule: string, form: RegExp) {
  return z.string({ error: rule }).check(z.refine((text) => form.test(text) && !text.endsWith("/"), { error: rule }));
}

const dnsPortRule = "must be a port from 1 to 65535, or 0 for no DNS server, as in `dns_port = 42069`";

const confinementRule = 'must be "auto" or "required"';

export const configSchema = z.strictObject({
  confinement: z.optional(z.enum(["auto", "required"], { error: confinementRule })),
  catalog_urls: z.optional(
    z.array(catalogUrlSchema, { error: catalogsRule }).check(z.maxLength(20, { error: catalogsRule })),
  ),
  image_max_size: z.optional(maxSize(imageMaxRule, (bytes) => bytes >= 1024 ** 2)),
  insecure_registries: z.optional(hosts(hostsRule, host)),
  registry_mirrors: z.optional(
    z.record(z.string().check(z.refine((text) => host.test(text), { error: mirrorRule })), hosts(mirrorRule, mirror), {
      error: mirrorRule,
    }),
  ),
  dns_port: z.optional(whole(dnsPortRule, { min: 0, max: 65_535 })),
  firecracker_bin: z.optional(filePath(programRule, /^~?\/[^\0\n]{1,4094}$/)),
  file_sync: z.optional(fileSyncSchema),
  idle_timeout: z.optional(idleTime),
  inherit_proxy: z.optional(z.boolean({ error: "must be true or false" })),
  network: z.optional(networkOrKind),
  network_fallback: z.optional(z.boolean({ error: "must be true or false" })),
  // the others mean something in ssh_config(5)
  ssh_key_path: z.optional(filePath(sshKeyRule, /^~?\/[^\p{Cc}"\\$]{1,4090}$/u)),
  template_max_size: z.optional(
    z.union([z.literal("0"), maxSize(templateMaxRule, () => true)], { error: templateMaxRule }),
  ),
  vm_defaults: z.optional(vmDefaultsSchema),
  vmm: z.optional(z.enum(vmmChoices, { error: ({ input }) => `${vmmRule}${meant(input, vmmChoices)}` })),
  warm_vms: z.optional(z.boolean({ error: "must be true or false" })),
});

export type RawConfig = z.infer<typeof configSchema>;

/** The keys allowed in the table at `path`; used for "did you mean" and to keep docs/config.md complete. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(configSchema.shape);
  if (path[0] === "catalog_urls" && path.length === 2) return Object.keys(catalogUrlSchema.shape);
  if (path[0] === "file_sync" && path.length === 2) return Object.keys(fileSyncTable.shape);
  if (path[0] === "network") return Object.keys(networkSchema.shape);
  return path[0] === "vm_defaults" ? Object.keys(vmDefaultsSchema.shape) : [];
}

function meant(input: unknown, words: readonly string[]): string {
  const word = typeof input === "string" ? nearest(input, words) : undefined;
  return word === undefined ? "" : `; did you mean "${word}"?`;
}

/** Reports "must be a table" for a wrong type, and leaves unknown keys to the caller. */
function tableRule(name: string) {
  return (issue: { code?: string }) => (issue.code === "invalid_type" ? `must be a table: \`[${name}]\`` : undefined);
}
