/** The text of config.toml → `Config`, or one error with all problems and their paths. Pure. */
import { parse as parseToml, TomlError } from "smol-toml";
import { fail } from "../base/errors/error.ts";
import { problemsOf, syntaxProblem } from "../base/problems.ts";
import { parseDuration, parseSize } from "../base/units.ts";
import { defaultBridge, parseBridge } from "../model/bridge.ts";
import { type NetworkConfig, parseDeny } from "../model/network.ts";
import type { Config, ConfigSource, VmDefaults } from "./config.ts";
import { fileSyncEntry, withLines } from "./file-sync.ts";
import { configSchema, keysAt, type RawConfig } from "./schema.ts";

/** @throws CONFIG_INVALID */
export function parseConfig(file: string, text: string): Config {
  const result = configSchema.safeParse(withNewNames(readToml(file, text)));
  if (result.success) return configOf(file, result.data);
  throw fail("CONFIG_INVALID", { file, problems: withLines(problemsOf(result.error.issues, wording), text) });
}

/** The configuration without a file. */
export function defaultConfig(file: string): Config {
  return configOf(file, {});
}

function readToml(file: string, text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw fail("CONFIG_INVALID", { file, problems: [syntaxProblem(error)] }, error);
  }
}

/** Renamed keys: the old name is still read. */
const renamed: Record<string, string> = { spare_vm: "warm_vms" };

/** If both names are used, the old one stays and is refused later. */
function withNewNames(raw: unknown): unknown {
  const entries = Object.entries(raw as Record<string, unknown>);
  const isThere = (key: string | undefined) => entries.some(([name]) => name === key);
  const nameOf = (key: string) => (isThere(renamed[key]) ? key : (renamed[key] ?? key));
  return Object.fromEntries(entries.map(([key, value]) => [nameOf(key), value]));
}

const wording = {
  keysAt,
  advice: (path: readonly PropertyKey[], key: string) =>
    path.length === 0 && keysAt(["vm_defaults"]).includes(key) ? "it belongs in [vm_defaults]" : undefined,
};

const defaultImageMax = "64G";
const defaultTemplateMax = "10G";
const defaultDnsPort = 42_069;

function configOf(file: string, raw: RawConfig): Config {
  const from = raw.vm_defaults ?? {};
  const vmDefaults: VmDefaults = {};
  if (from.vcpu !== undefined) vmDefaults.vcpu = from.vcpu;
  if (from.memory_mib !== undefined) vmDefaults.memoryMib = from.memory_mib;
  if (from.disk_size !== undefined) vmDefaults.diskBytes = parseSize(from.disk_size) ?? 0;
  const source = (value: unknown): ConfigSource => (value === undefined ? "default" : "file");
  return {
    file,
    vmDefaults,
    confinement: raw.confinement ?? "auto",
    inheritProxy: raw.inherit_proxy ?? true,
    imageMaxBytes: parseSize(raw.image_max_size ?? defaultImageMax) ?? 0,
    catalogs: (raw.catalog_urls ?? []).map(({ url, key }) => ({ url, key: absolute(file, key) })),
    fileSync: (raw.file_sync ?? []).map(fileSyncEntry),
    registryMirrors: raw.registry_mirrors ?? {},
    insecureRegistries: raw.insecure_registries ?? [],
    idleMs: parseDuration(raw.idle_timeout ?? "never") ?? 0,
    network: networkConfig(raw.network),
    dnsPort: raw.dns_port ?? defaultDnsPort,
    vmm: raw.vmm ?? "auto",
    firecrackerBin: raw.firecracker_bin ?? null,
    sshKeyPath: raw.ssh_key_path ?? null,
    networkFallback: raw.network_fallback ?? false,
    warmVms: raw.warm_vms ?? true,
    templateMaxBytes: parseSize(raw.template_max_size ?? defaultTemplateMax) ?? 0,
    provenance: {
      confinement: source(raw.confinement),
      inherit_proxy: source(raw.inherit_proxy),
      image_max_size: source(raw.image_max_size),
      catalog_urls: source(raw.catalog_urls),
      file_sync: source(raw.file_sync),
      registry_mirrors: source(raw.registry_mirrors),
      insecure_registries: source(raw.insecure_registries),
      idle_timeout: source(raw.idle_timeout),
      "network.kind": source(raw.network?.kind),
      "network.deny": source(raw.network?.deny),
      "network.isolate": source(raw.network?.isolate),
      "network.bridge": source(raw.network?.bridge),
      dns_port: source(raw.dns_port),
      vmm: source(raw.vmm),
      firecracker_bin: source(raw.firecracker_bin),
      ssh_key_path: source(raw.ssh_key_path),
      network_fallback: source(raw.network_fallback),
      template_max_size: source(raw.template_max_size),
      warm_vms: source(raw.warm_vms),
      "vm_defaults.vcpu": source(from.vcpu),
      "vm_defaults.memory_mib": source(from.memory_mib),
      "vm_defaults.disk_size": source(from.disk_size),
    },
  };
}

function networkConfig({ kind, deny, isolate, bridge }: NonNullable<RawConfig["network"]> = {}): NetworkConfig {
  return {
    kind: kind ?? null,
    deny: [...new Set((deny ?? []).map((entry) => parseDeny(entry) ?? entry))],
    isolate: isolate ?? true,
    bridge: (bridge === undefined ? null : parseBridge(bridge)) ?? defaultBridge,
  };
}

/** Paths in the file are relative to its folder. */
function absolute(file: string, path: string): string {
  return path.startsWith("/") ? path : `${file.slice(0, file.lastIndexOf("/"))}/${path}`;
}
