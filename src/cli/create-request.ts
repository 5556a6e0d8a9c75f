/** From the flags that decide what a VM is to the daemon's request. */
import type { CreateVm } from "../api/types.ts";
import type { VmName } from "../base/names.ts";
import type { NetworkKind } from "../model/vm.ts";
import type { CliContext } from "./context.ts";
import { envOf } from "./flags.ts";

export type CreateFlags = {
  name?: VmName;
  image?: string;
  kernel?: string;
  vcpu?: number;
  /** in `MiB` */
  memory?: number;
  /** in bytes */
  disk?: number;
  network?: NetworkKind;
  /** in `ms` */
  idleTimeout?: number;
  env?: readonly string[];
  json?: boolean;
};

export function createRequest(context: CliContext, flags: CreateFlags): CreateVm {
  const { name, image, kernel, vcpu, network } = flags;
  const env = envOf(flags.env, context.env);
  const given = {
    name,
    image,
    kernel,
    vcpu,
    memoryMib: flags.memory,
    diskBytes: flags.disk,
    network,
    idleMs: flags.idleTimeout,
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...set, ...(Object.keys(env).length > 0 ? { env } : {}) };
}
