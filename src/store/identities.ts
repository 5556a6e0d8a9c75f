/**
 * The lasting parts of each VM's identity: machine-id, ssh host keys, and its last network. On the host, private host keys are
 * only in the database, which only its owner can read.
 */
import type { VmId, VmName } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { GuestNetwork } from "../model/network.ts";

export type SshHostKey = { type: string; private: string; public: string };
export type VmIdentity = {
  /** 32 hex digits */
  machineId: string;
  sshHostKeys: SshHostKey[];
  network: GuestNetwork | null;
};

export type Identities = {
  of(id: VmId): VmIdentity | null;
  /** VMs that have an address on the bridge, with their host keys, by one query. */
  withAddress(): { name: VmName; address: string; sshHostKeys: SshHostKey[] }[];
  set(id: VmId, identity: VmIdentity): void;
  setNetwork(id: VmId, network: GuestNetwork | null): void;
  /** All CA certificates of the host (PEM) that the VM ever got; null: the VM is older than this record. */
  certificates(id: VmId): string[] | null;
  /** Records more of them; never removes any, as they can stay on the VM's disk. */
  addCertificates(id: VmId, certificates: readonly string[]): void;
};

export function createIdentities(db: Db): Identities {
  return {
    of(id) {
      const row = db.get<{ machine_id: string; host_keys: string; network: string | null }>(
        "SELECT machine_id, host_keys, network FROM vm_identities WHERE vm_id = ?",
        id,
      );
      if (!row) return null;
      return {
        machineId: row.machine_id,
        sshHostKeys: JSON.parse(row.host_keys) as SshHostKey[],
        network: row.network === null ? null : (JSON.parse(row.network) as GuestNetwork),
      };
    },
    withAddress: () =>
      db
        .all<{ name: VmName; address: string; host_keys: string }>(
          `SELECT vms.name, leases.address, vm_identities.host_keys FROM vms
           JOIN leases ON leases.vm_id = vms.id JOIN vm_identities ON vm_identities.vm_id = vms.id ORDER BY vms.name`,
        )
        .map(({ name, address, host_keys }) => ({
          name,
          address,
          sshHostKeys: JSON.parse(host_keys) as SshHostKey[],
        })),
    set(id, identity) {
      db.run(
        `INSERT INTO vm_identities (vm_id, machine_id, host_keys, network, certificates) VALUES (?, ?, ?, ?, '[]')
         ON CONFLICT (vm_id) DO UPDATE
         SET machine_id = excluded.machine_id, host_keys = excluded.host_keys, network = excluded.network`,
        id,
        identity.machineId,
        JSON.stringify(identity.sshHostKeys),
        textOf(identity.network),
      );
    },
    setNetwork: (id, network) => db.run("UPDATE vm_identities SET network = ? WHERE vm_id = ?", textOf(network), id),
    certificates: (id) => certificatesOf(db, id),
    addCertificates: (id, certificates) =>
      db.transaction(() => {
        const known = certificatesOf(db, id) ?? [];
        const all = [...new Set([...known, ...certificates])];
        if (all.length === known.length && known.length > 0) return;
        db.run("UPDATE vm_identities SET certificates = ? WHERE vm_id = ?", JSON.stringify(all), id);
      }),
  };
}

function certificatesOf(db: Db, id: VmId): string[] | null {
  const row = db.get<{ certificates: string | null }>("SELECT certificates FROM vm_identities WHERE vm_id = ?", id);
  return row?.certificates == null ? null : (JSON.parse(row.certificates) as string[]);
}

function textOf(network: GuestNetwork | null): string | null {
  return network === null ? null : JSON.stringify(network);
}
