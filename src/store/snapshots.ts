/** Snapshots of VMs; they are deleted with their VM. */
import type { VmId } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { SnapshotRecord } from "../model/save.ts";
import type { SavedState } from "../model/saved-state.ts";

type Row = { id: string; vm_id: string; name: string; save: string | null; bytes: number; created_at: number };

export type Snapshots = {
  /** False when the VM already has a snapshot with that name. */
  add(record: SnapshotRecord): boolean;
  byName(vm: VmId, name: string): SnapshotRecord | null;
  byId(id: string): SnapshotRecord | null;
  /** oldest first */
  of(vm: VmId): SnapshotRecord[];
  all(): SnapshotRecord[];
  remove(id: string): void;
};

export function createSnapshots(db: Db): Snapshots {
  const one = (row: Row | undefined | null) => (row ? toRecord(row) : null);
  const byName = (vm: VmId, name: string) =>
    one(db.get<Row>("SELECT * FROM snapshots WHERE vm_id = ? AND name = ?", vm, name));
  return {
    byName,
    byId: (id) => one(db.get<Row>("SELECT * FROM snapshots WHERE id = ?", id)),
    add: (r) =>
      db.transaction(() => {
        if (byName(r.vm, r.name)) return false;
        const save = r.save === null ? null : JSON.stringify(r.save);
        db.run(
          "INSERT INTO snapshots (id, vm_id, name, save, bytes, created_at) VALUES (?, ?, ?, ?, ?, ?)",
          r.id,
          r.vm,
          r.name,
          save,
          r.bytes,
          r.createdAt,
        );
        return true;
      }),
    of: (vm) => db.all<Row>("SELECT * FROM snapshots WHERE vm_id = ? ORDER BY created_at, id", vm).map(toRecord),
    all: () => db.all<Row>("SELECT * FROM snapshots ORDER BY created_at, id").map(toRecord),
    remove: (id) => db.run("DELETE FROM snapshots WHERE id = ?", id),
  };
}

function toRecord(row: Row): SnapshotRecord {
  return {
    id: row.id,
    vm: row.vm_id as VmId,
    name: row.name,
    save: row.save === null ? null : (JSON.parse(row.save) as SavedState),
    bytes: row.bytes,
    createdAt: row.created_at,
  };
}
