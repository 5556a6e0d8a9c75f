/** The addresses of VMs on the bridge. Unlisted VMs have them too, so not every lease has a VM's row. */
import type { VmId, VmName } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";

export type Leases = {
  /** null: it has none */
  of(id: VmId): string | null;
  /** every address that is taken */
  taken(): Set<string>;
  /** Replaces the VM's earlier address. @throws Error when another VM has it */
  set(id: VmId, address: string): void;
  free(id: VmId): void;
  /** null: no VM has that name, or it has no address */
  addressOf(name: string): string | null;
  /** null: the address is free, or an unlisted VM's */
  nameOf(address: string): VmName | null;
};

export function createLeases(db: Db): Leases {
  return {
    of: (id) => db.get<{ address: string }>("SELECT address FROM leases WHERE vm_id = ?", id)?.address ?? null,
    taken: () => new Set(db.all<{ address: string }>("SELECT address FROM leases").map(({ address }) => address)),
    set: (id, address) =>
      db.run(
        "INSERT INTO leases (vm_id, address) VALUES (?, ?) ON CONFLICT (vm_id) DO UPDATE SET address = excluded.address",
        id,
        address,
      ),
    free: (id) => db.run("DELETE FROM leases WHERE vm_id = ?", id),
    addressOf: (name) =>
      db.get<{ address: string }>("SELECT address FROM vms JOIN leases ON vm_id = id WHERE name = ?", name)?.address ??
      null,
    nameOf: (address) =>
      db.get<{ name: VmName }>("SELECT name FROM vms JOIN leases ON vm_id = id WHERE address = ?", address)?.name ??
      null,
  };
}
