/** The user's configuration in the program: every value is present, with its source. */

import type { FileSyncEntry } from "../model/file-sync.ts";
import type { NetworkConfig } from "../model/network.ts";
import type { VmmChoice } from "../model/vmm.ts";

/** The keys of `[vm_defaults]`; absent ones are decided by the host and constants (`sizing.ts`). */
export type VmDefaults = {
  vcpu?: number;
  /** in `MiB` */
  memoryMib?: number;
  /** in bytes */
  diskBytes?: number;
};

/** A catalog from another publisher: where it is, and whose signature it must have. */
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
  /** `required`: no VM starts if a layer of its VMM's cage is missing; `auto`: it starts, and what is left open is reported */
  confinement: "auto" | "required";
  /** pass the host's proxy variables and extra CA certificates on to guests */
  inheritProxy: boolean;
  /** the largest size of an unpacked image, in bytes */
  imageMaxBytes: number;
  /** catalogs beside the built-in one, in the order in which they are searched */
  catalogs: readonly CatalogSource[];
  /** files of the user that go into each new VM */
  fileSync: readonly FileSyncEntry[];
  /** mirrors that are tried before a registry, by the registry's name */
  registryMirrors: Record<string, readonly string[]>;
  /** registries that may be reached without encryption */
  insecureRegistries: readonly string[];
  /** time without use after which VMs are suspended, in `ms`; 0: never */
  idleMs: number;
  /** keep one warm VM of the kind that was used last */
  warmVms: boolean;
  /** the most disk space for all templates, in bytes; 0: VMs always boot */
  templateMaxBytes: number;
  /** the network of a new VM unless the user says otherwise; its `deny` list applies to every new VM */
  network: NetworkConfig;
  /** the first port that a user's own daemon tries to answer for the names of VMs at; 0: it does not answer for them */
  dnsPort: number;
  /** which VMM new VMs get unless the user says otherwise */
  vmm: VmmChoice;
  /** Firecracker's program, an absolute path or one that begins with `~/`; null: the one in `PATH` */
  firecrackerBin: string | null;
  /** the user's own key for ssh to VMs, or its public half: an absolute path or one that begins with `~/`; null: banger's */
  sshKeyPath: string | null;
  /** whether QEMU's own user network may replace passt */
  networkFallback: boolean;
  /** by key as written in the file: `vm_defaults.vcpu` */
  provenance: Record<string, ConfigSource>;
};
