/**
 * What makes a VM itself, made once and kept: machine-id, ssh host keys, and the network it was last given.
 * The private keys live in the database alone, which only its owner can read.
 */
import type { VmId } from "../base/names.ts";
import type { Db } from "../host/sqlite.ts";

export type SshHostKey = { type: string; private: string; public: string };
/** The guest's side of its network, as the agent sets it. */
export type GuestNetwork = {
  address: string;
  prefix: number;
  gateway: string;
  mac: string;
  dns: string[];
  search: string[];
};
export type VmIdentity = {
  /** 32 hex digits */
  machineId: string;
  sshHostKeys: SshHostKey[];
  network: GuestNetwork | null;
};

export type Identities = {
  of(id: VmId): VmIdentity | null;
  set(id: VmId, identity: VmIdentity): void;
  setNetwork(id: VmId, network: GuestNetwork | null): void;
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
    set(id, identity) {
      db.run(
        "INSERT OR REPLACE INTO vm_identities (vm_id, machine_id, host_keys, network) VALUES (?, ?, ?, ?)",
        id,
        identity.machineId,
        JSON.stringify(identity.sshHostKeys),
        textOf(identity.network),
      );
    },
    setNetwork: (id, network) => db.run("UPDATE vm_identities SET network = ? WHERE vm_id = ?", textOf(network), id),
  };
}

function textOf(network: GuestNetwork | null): string | null {
  return network === null ? null : JSON.stringify(network);
}
