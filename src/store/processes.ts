/** The processes of each VM, recorded so that the next daemon finds them: VMM, network, and the client that holds an ephemeral VM. */
import type { VmId } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { ProcessRef } from "../model/vm.ts";

/** A driver's record of its VM; opaque here, except for the process. */
export type VmmRecord = { process: ProcessRef; [extra: string]: unknown };

export type Processes = {
  vmm(id: VmId): VmmRecord | null;
  network(id: VmId): ProcessRef | null;
  setVmm(id: VmId, record: VmmRecord): void;
  setNetwork(id: VmId, process: ProcessRef): void;
  /** the process that holds an ephemeral VM */
  holder(id: VmId): ProcessRef | null;
  setHolder(id: VmId, process: ProcessRef): void;
  /** Forgets VMM and network, which the caller has ended. */
  clear(id: VmId): void;
};

export function createProcesses(db: Db): Processes {
  const read = (id: VmId, role: string): unknown => {
    const row = db.get<{ record: string }>("SELECT record FROM processes WHERE vm_id = ? AND role = ?", id, role);
    return row ? JSON.parse(row.record) : null;
  };
  const write = (id: VmId, role: string, record: unknown) =>
    db.run("INSERT OR REPLACE INTO processes (vm_id, role, record) VALUES (?, ?, ?)", id, role, JSON.stringify(record));
  return {
    vmm: (id) => read(id, "vmm") as VmmRecord | null,
    network: (id) => read(id, "network") as ProcessRef | null,
    setVmm: (id, record) => write(id, "vmm", record),
    setNetwork: (id, process) => write(id, "network", process),
    holder: (id) => read(id, "holder") as ProcessRef | null,
    setHolder: (id, process) => write(id, "holder", process),
    clear: (id) => db.run("DELETE FROM processes WHERE vm_id = ? AND role <> 'holder'", id),
  };
}
