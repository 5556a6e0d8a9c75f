/** Turns the flags that define a VM into a request to the daemon. */
import type { CreateVm } from "../api/types.ts";
import type { VmName } from "../base/names.ts";
import type { NetworkKind } from "../model/network.ts";
import type { VmmChoice } from "../model/vmm.ts";
import type { EnvFlags } from "./environment.ts";
import type { SyncFlag } from "./file-sync.ts";
import { allowHostOf, denyOf, publishOf } from "./flags.ts";

export type CreateFlags = EnvFlags &
  SyncFlag & {
    name?: VmName;
    image?: string;
    kernel?: string;
    vcpu?: number;
    /** in `MiB` */
    memory?: number;
    /** in bytes */
    disk?: number;
    network?: NetworkKind;
    vmm?: VmmChoice;
    deny?: readonly string[];
    nested?: boolean;
    publish?: readonly string[];
    noForward?: boolean;
    allowHost?: readonly string[];
    /** in `ms` */
    idleTimeout?: number;
    json?: boolean;
  };

/** The request without environment variables: only `vm create` gives those to the VM itself. */
export function createRequest(flags: CreateFlags): CreateVm {
  const { name, image, kernel, vcpu, vmm } = flags;
  const given = {
    name,
    image,
    kernel,
    vcpu,
    vmm,
    memoryMib: flags.memory,
    diskBytes: flags.disk,
    network: networkRequest(flags),
    nested: flags.nested || undefined,
    idleMs: flags.idleTimeout,
    publish: flags.publish === undefined ? undefined : publishOf(flags.publish),
    forward: flags.noForward ? false : undefined,
    allowHost: flags.allowHost === undefined ? undefined : allowHostOf(flags.allowHost),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function networkRequest({ network, deny }: CreateFlags): CreateVm["network"] {
  if (network === undefined && deny === undefined) return undefined;
  return { ...(network === undefined ? {} : { kind: network }), ...(deny === undefined ? {} : { deny: denyOf(deny) }) };
}
