/** What the database says of VMs, for those in system mode who keep something for each of them. */
import type { Logger } from "../host/log.ts";
import type { KnownHost } from "../ssh/known-hosts.ts";
import type { Store } from "../store/store.ts";
import type { VmCgroups } from "../vmm/vm-cgroups.ts";

/** VMs that have an address on the bridge, with their host keys. */
export function hostsOnBridge({ identities }: Pick<Store, "identities">): KnownHost[] {
  return identities
    .withAddress()
    .map(({ name, address, sshHostKeys }) => ({ name, address, keys: sshHostKeys.map((key) => key.public) }));
}

/** Sets the limits of VMs that an earlier daemon started. Never rejects: they run without. */
export async function renewLimits(cgroups: VmCgroups | null, { vms, processes }: Store, log: Logger): Promise<void> {
  const running = vms.all().filter(({ id }) => processes.vmm(id) !== null);
  const limited = running.map(({ id, spec: { vcpu, memoryMib } }) => ({ id, vcpu, memoryMib }));
  await cgroups?.renew(limited).catch((error: unknown) => {
    log.warn("the limits of running VMs could not be set", { why: String(error) });
  });
}
