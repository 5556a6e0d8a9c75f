/** The flags that decide what a VM is: `vm run` and `vm create` have the same. */
import type { CreateVm } from "../../api/types.ts";
import { parseVmName } from "../../base/names.ts";
import type { NetworkKind } from "../../model/vm.ts";
import type { CliContext } from "../context.ts";
import { envOf, parseDisk, parseMemory, parseNetwork, parseVcpu, parseWait } from "../flags.ts";

export type CreateFlags = {
  name?: string;
  image?: string;
  kernel?: string;
  vcpu?: number;
  memory?: number;
  disk?: number;
  network?: NetworkKind;
  env?: readonly string[];
  json?: boolean;
};

const text = (value: string) => value;

export const createFlags = {
  name: {
    kind: "parsed",
    parse: parseVmName,
    optional: true,
    brief: "name of the VM (default: one is picked)",
    placeholder: "NAME",
  },
  image: {
    kind: "parsed",
    parse: text,
    optional: true,
    brief: "image (default: debian-bookworm)",
    placeholder: "IMAGE",
  },
  kernel: {
    kind: "parsed",
    parse: text,
    optional: true,
    brief: "kernel (default: debian-bookworm-cloud)",
    placeholder: "KERNEL",
  },
  vcpu: { kind: "parsed", parse: parseVcpu, optional: true, brief: "number of CPUs", placeholder: "N" },
  memory: {
    kind: "parsed",
    parse: parseMemory,
    optional: true,
    brief: "memory, as in 2G or 512M",
    placeholder: "SIZE",
  },
  disk: {
    kind: "parsed",
    parse: parseDisk,
    optional: true,
    brief: "disk, as in 20G; takes no space until it is used",
    placeholder: "SIZE",
  },
  network: {
    kind: "parsed",
    parse: parseNetwork,
    optional: true,
    brief: "user (default) or none",
    placeholder: "KIND",
  },
  env: {
    kind: "parsed",
    parse: text,
    optional: true,
    variadic: true,
    brief: "environment variable, K=V; repeatable",
    placeholder: "K=V",
  },
  json: { kind: "boolean", optional: true, brief: "events and errors as JSON" },
} as const;

export const waitFlag = {
  wait: {
    kind: "parsed",
    parse: parseWait,
    optional: true,
    brief: "ready means: services (default) or agent",
    placeholder: "WHAT",
  },
} as const;

export function createRequest(context: CliContext, flags: CreateFlags): CreateVm {
  const { name, image, kernel, vcpu, network } = flags;
  const env = envOf(flags.env, context.env);
  const given = { name, image, kernel, vcpu, memoryMib: flags.memory, diskBytes: flags.disk, network };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...set, ...(Object.keys(env).length > 0 ? { env } : {}) };
}
