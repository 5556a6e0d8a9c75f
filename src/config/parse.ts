/** config.toml's text → `Config`, or one error that lists every problem with its path. Pure. */
import { parse as parseToml, TomlError } from "smol-toml";
import { fail } from "../base/errors/error.ts";
import { nearest, stripControl } from "../base/text.ts";
import { parseDuration, parseSize } from "../base/units.ts";
import type { Config, ConfigSource, VmDefaults } from "./config.ts";
import { configSchema, keysAt, type RawConfig } from "./schema.ts";

/** @throws CONFIG_INVALID */
export function parseConfig(file: string, text: string): Config {
  const result = configSchema.safeParse(readToml(file, text));
  if (result.success) return configOf(file, result.data);
  throw fail("CONFIG_INVALID", { file, problems: result.error.issues.flatMap(problemsOf).slice(0, 50) });
}

/** What holds when there is no file. */
export function defaultConfig(file: string): Config {
  return configOf(file, {});
}

function readToml(file: string, text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = stripControl(error.message.split("\n", 1)[0] ?? "").replace(/^Invalid TOML document: /, "");
    throw fail("CONFIG_INVALID", { file, problems: [`line ${error.line}, column ${error.column}: ${what}`] }, error);
  }
}

type Issue = { code?: string; path: PropertyKey[]; message: string; keys?: string[] };

function problemsOf(issue: Issue): string[] {
  if (issue.code !== "unrecognized_keys") return [`${dotted(issue.path)}: ${issue.message}`];
  return (issue.keys ?? []).map((key) => {
    const meant = nearest(key, keysAt(issue.path));
    const elsewhere = issue.path.length === 0 && keysAt(["vm_defaults"]).includes(key) ? "vm_defaults" : undefined;
    const advice = elsewhere ? `; it belongs into [${elsewhere}]` : meant ? `; did you mean "${meant}"?` : "";
    return `${dotted([...issue.path, stripControl(key).slice(0, 80)])}: unknown key${advice}`;
  });
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join(".") || "(top level)";
}

const defaultImageMax = "64G";
const defaultTemplateMax = "10G";

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
    inheritProxy: raw.inherit_proxy ?? true,
    imageMaxBytes: parseSize(raw.image_max_size ?? defaultImageMax) ?? 0,
    registryMirrors: raw.registry_mirrors ?? {},
    insecureRegistries: raw.insecure_registries ?? [],
    idleMs: parseDuration(raw.idle_timeout ?? "never") ?? 0,
    spareVm: raw.spare_vm ?? true,
    templateMaxBytes: parseSize(raw.template_max_size ?? defaultTemplateMax) ?? 0,
    provenance: {
      inherit_proxy: source(raw.inherit_proxy),
      image_max_size: source(raw.image_max_size),
      registry_mirrors: source(raw.registry_mirrors),
      insecure_registries: source(raw.insecure_registries),
      idle_timeout: source(raw.idle_timeout),
      spare_vm: source(raw.spare_vm),
      template_max_size: source(raw.template_max_size),
      "vm_defaults.vcpu": source(from.vcpu),
      "vm_defaults.memory_mib": source(from.memory_mib),
      "vm_defaults.disk_size": source(from.disk_size),
    },
  };
}
