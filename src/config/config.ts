/** The user's configuration as the program sees it: every value present, each with where it came from. */

import type { NetworkSpec } from "../model/network.ts";

/** What `[vm_defaults]` may hold; absent keys are decided by host and constants (`sizing.ts`). */
export type VmDefaults = {
  vcpu?: number;
  /** in `MiB` */
  memoryMib?: number;
  /** in bytes */
  diskBytes?: number;
};

/** A catalog of others: where it is, and whose signature it must have. */
export type CatalogSource = {
  url: string;
  /** path of a PEM public key */
  key: string;
};

/** `file`: from config.toml; `default`: the built-in value. */
export type ConfigSource = "file" | "default";

export type Config = {
  /** where the file is or would be */
  file: string;
  vmDefaults: VmDefaults;
  /** `required`: no VM starts where a layer of its VMM's cage is missing; `auto`: it is said what is left open */
  confinement: "auto" | "required";
  /** hand the host's proxy variables and extra CA certificates on to guests */
  inheritProxy: boolean;
  /** the most that an image may be when it is unpacked, in bytes */
  imageMaxBytes: number;
  /** what can be pulled beside what this program knows itself, in the order in which it is looked up */
  catalogs: readonly CatalogSource[];
  /** hosts that are asked before a registry, by the registry's name */
  registryMirrors: Record<string, readonly string[]>;
  /** hosts of registries that may be spoken to without encryption */
  insecureRegistries: readonly string[];
  /** VMs are suspended after so long without use, in `ms`; 0: never */
  idleMs: number;
  /** keep one VM of the kind that was used last warm for the next */
  warmVms: boolean;
  /** what templates may take of the disk together, in bytes; 0: VMs always boot */
  templateMaxBytes: number;
  /** what a new VM's network is where the user doesn't say; its `deny` list holds for every new VM */
  network: NetworkSpec;
  /** whether QEMU's own network may stand in for passt */
  networkFallback: boolean;
  /** by key as written in the file: `vm_defaults.vcpu` */
  provenance: Record<string, ConfigSource>;
};
