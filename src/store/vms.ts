/** VMs. `change` sets what can change after creation; the spec never changes. */
import type { Digest, VmId, VmName } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import { ownUid } from "../host/user.ts";
import { freeLoopbackAddress } from "../model/loopback.ts";
import type { PauseCause, Suspended, VmFailure, VmRecord, VmSpec, VmState, VmTrouble } from "../model/vm.ts";

type Row = {
  id: string;
  name: string;
  state: string;
  spec: string;
  ephemeral: number;
  created_at: number;
  started_at: number | null;
  generation: number;
  failure: string | null;
  started_how: string | null;
  suspended: string | null;
  paused_by: string | null;
  troubles: string;
  loopback_address: string;
  synced_paths: string;
  awaits_sync: number;
};

export type VmChanges = Partial<
  Pick<
    VmRecord,
    | "name"
    | "state"
    | "ephemeral"
    | "startedAt"
    | "generation"
    | "failure"
    | "startedHow"
    | "suspended"
    | "pausedBy"
    | "troubles"
    | "syncedPaths"
    | "awaitsSync"
  >
>;

export type Vms = {
  /** False when the name is taken; nothing is written then. */
  add(record: VmRecord): boolean;
  byId(id: VmId): VmRecord | null;
  byName(name: VmName): VmRecord | null;
  /** oldest first */
  all(): VmRecord[];
  /** False when the new name is taken. A new state clears `pausedBy` unless it is given too. */
  change(id: VmId, changes: VmChanges): boolean;
  remove(id: VmId): void;
  /** For a new VM; it is taken once the VM is added. */
  freeLoopbackAddress(id: VmId): string;
  /** null: no VM has that name */
  loopbackAddressOf(name: string): string | null;
  /** null: no VM has that address */
  nameAtLoopback(address: string): VmName | null;
  /** names of VMs that boot from that image */
  namesUsingImage(digest: Digest): VmName[];
  namesUsingKernel(digest: Digest): VmName[];
};

/** @param uid whose VMs they are: their loopback addresses are of this user's block */
export function createVms(db: Db, uid = ownUid()): Vms {
  const takenLoopback = () => new Set(db.all<{ a: string }>("SELECT loopback_address AS a FROM vms").map(({ a }) => a));
  db.transaction(() => {
    for (const { id } of db.all<{ id: VmId }>("SELECT id FROM vms WHERE loopback_address IS NULL")) {
      const address = freeLoopbackAddress(uid, id, takenLoopback());
      db.run("UPDATE vms SET loopback_address = ? WHERE id = ?", address, id);
    }
  });
  const one = (where: string, value: string) => {
    const row = db.get<Row>(`SELECT * FROM vms WHERE ${where} = ?`, value);
    return row ? toRecord(row) : null;
  };
  const names = (column: string, digest: Digest) =>
    db
      .all<{ name: string }>(`SELECT name FROM vms WHERE ${column} = ? ORDER BY name`, digest)
      .map((r) => r.name as VmName);
  const nameIsTaken = (name: VmName, id: VmId) =>
    db.get("SELECT 1 FROM vms WHERE name = ? AND id <> ?", name, id) != null;

  return {
    add: (record) =>
      db.transaction(() => {
        if (nameIsTaken(record.name, record.id)) return false;
        insert(db, record);
        return true;
      }),
    byId: (id) => one("id", id),
    byName: (name) => one("name", name),
    all: () => db.all<Row>("SELECT * FROM vms ORDER BY created_at, id").map(toRecord),
    change: (id, changes) =>
      db.transaction(() => {
        if (changes.name !== undefined && nameIsTaken(changes.name, id)) return false;
        for (const [column, value] of columnsOf(changes))
          db.run(`UPDATE vms SET ${column} = ? WHERE id = ?`, value, id);
        return true;
      }),
    remove: (id) => db.run("DELETE FROM vms WHERE id = ?", id),
    freeLoopbackAddress: (id) => freeLoopbackAddress(uid, id, takenLoopback()),
    loopbackAddressOf: (name) =>
      db.get<{ a: string }>("SELECT loopback_address AS a FROM vms WHERE name = ?", name)?.a ?? null,
    nameAtLoopback: (address) =>
      db.get<{ name: VmName }>("SELECT name FROM vms WHERE loopback_address = ?", address)?.name ?? null,
    namesUsingImage: (digest) => names("image_digest", digest),
    namesUsingKernel: (digest) => names("kernel_digest", digest),
  };
}

function insert(db: Db, r: VmRecord): void {
  db.run(
    `INSERT INTO vms (id, name, state, spec, image_digest, kernel_digest, ephemeral, created_at, started_at, generation, failure, started_how, suspended, paused_by, troubles, loopback_address, synced_paths, awaits_sync)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    r.id,
    r.name,
    r.state,
    JSON.stringify(r.spec),
    r.spec.image.digest,
    r.spec.kernel.digest,
    r.ephemeral ? 1 : 0,
    r.createdAt,
    r.startedAt,
    r.generation,
    jsonOrNull(r.failure),
    r.startedHow,
    jsonOrNull(r.suspended),
    jsonOrNull(r.pausedBy),
    JSON.stringify(r.troubles),
    r.loopbackAddress,
    JSON.stringify(r.syncedPaths),
    r.awaitsSync ? 1 : 0,
  );
}

function columnsOf(c: VmChanges): [string, string | number | null][] {
  const columns: [string, string | number | null][] = [];
  if (c.name !== undefined) columns.push(["name", c.name]);
  if (c.state !== undefined) columns.push(["state", c.state]);
  if (c.ephemeral !== undefined) columns.push(["ephemeral", c.ephemeral ? 1 : 0]);
  if (c.startedAt !== undefined) columns.push(["started_at", c.startedAt]);
  if (c.generation !== undefined) columns.push(["generation", c.generation]);
  if (c.failure !== undefined) columns.push(["failure", jsonOrNull(c.failure)]);
  if (c.startedHow !== undefined) columns.push(["started_how", c.startedHow]);
  if (c.suspended !== undefined) columns.push(["suspended", jsonOrNull(c.suspended)]);
  if (c.troubles !== undefined) columns.push(["troubles", JSON.stringify(c.troubles)]);
  if (c.syncedPaths !== undefined) columns.push(["synced_paths", JSON.stringify(c.syncedPaths)]);
  if (c.awaitsSync !== undefined) columns.push(["awaits_sync", c.awaitsSync ? 1 : 0]);
  if (c.state !== undefined || c.pausedBy !== undefined) columns.push(["paused_by", jsonOrNull(c.pausedBy ?? null)]);
  return columns;
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

function toRecord(row: Row): VmRecord {
  return {
    id: row.id as VmId,
    name: row.name as VmName,
    state: row.state as VmState,
    spec: JSON.parse(row.spec) as VmSpec,
    ephemeral: row.ephemeral !== 0,
    createdAt: row.created_at,
    startedAt: row.started_at,
    generation: row.generation,
    failure: row.failure === null ? null : (JSON.parse(row.failure) as VmFailure),
    startedHow: row.started_how,
    suspended: row.suspended === null ? null : (JSON.parse(row.suspended) as Suspended),
    pausedBy: row.paused_by === null ? null : (JSON.parse(row.paused_by) as PauseCause),
    troubles: JSON.parse(row.troubles) as VmTrouble[],
    loopbackAddress: row.loopback_address,
    syncedPaths: JSON.parse(row.synced_paths) as string[],
    awaitsSync: row.awaits_sync !== 0,
  };
}
