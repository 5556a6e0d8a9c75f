/** Kernels: names point at contents, as for images. */
import type { Digest, ImageName } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { KernelRecord } from "../model/artifact.ts";

type Row = { digest: string; name: string | null; release: string; bytes: number; source: string; created_at: number };

export type Kernels = {
  byName(name: ImageName): KernelRecord | null;
  /** its name is the digest when no name points at it */
  byDigest(digest: Digest): KernelRecord | null;
  all(): KernelRecord[];
  /** digests of all contents, named or not */
  digests(): Digest[];
  /** Contents whose digest starts with `prefix`, at most 10. @param prefix `sha256:` and at least one digit */
  byPrefix(prefix: string): KernelRecord[];
  /** The content that was made from the bundle whose manifest has that digest. */
  bySourceDigest(digest: Digest): KernelRecord | null;
  /** Adds the content if it is new, and points the name at it. @param sourceDigest of the bundle it was made from */
  put(record: KernelRecord, sourceDigest?: Digest): void;
  removeName(name: ImageName): void;
  /** Drops contents with neither a name nor a VM, and returns them, so that the caller can remove their files. */
  dropUnused(): KernelRecord[];
};

const select = `SELECT k.*, n.name FROM kernels k LEFT JOIN kernel_names n ON n.digest = k.digest`;

export function createKernels(db: Db): Kernels {
  const find = (where: string, value: string) => {
    const row = db.get<Row>(`${select} WHERE ${where} = ?`, value);
    return row ? toRecord(row) : null;
  };
  const unused = `digest NOT IN (SELECT digest FROM kernel_names) AND digest NOT IN (SELECT kernel_digest FROM vms)`;
  return {
    byName: (name) => find("n.name", name),
    byDigest: (digest) => find("k.digest", digest),
    all: () => db.all<Row>(`${select} WHERE n.name IS NOT NULL ORDER BY n.name`).map(toRecord),
    digests: () => db.all<{ digest: string }>("SELECT digest FROM kernels").map(({ digest }) => digest as Digest),
    byPrefix: (prefix) =>
      db
        .all<Row>(`${select} WHERE substr(k.digest, 1, ?) = ? GROUP BY k.digest LIMIT 10`, prefix.length, prefix)
        .map(toRecord),
    bySourceDigest: (digest) => {
      const row = db.get<{ kernel: string }>(
        "SELECT kernel_digest AS kernel FROM kernel_origins WHERE digest = ?",
        digest,
      );
      return row ? find("k.digest", row.kernel) : null;
    },
    put: (r, sourceDigest) =>
      db.transaction(() => {
        db.run(
          "INSERT OR IGNORE INTO kernels (digest, release, bytes, source, created_at) VALUES (?, ?, ?, ?, ?)",
          r.digest,
          r.release,
          r.bytes,
          r.source,
          r.createdAt,
        );
        db.run("INSERT OR REPLACE INTO kernel_names (name, digest) VALUES (?, ?)", r.name, r.digest);
        if (sourceDigest) {
          db.run("INSERT OR REPLACE INTO kernel_origins (digest, kernel_digest) VALUES (?, ?)", sourceDigest, r.digest);
        }
      }),
    removeName: (name) => db.run("DELETE FROM kernel_names WHERE name = ?", name),
    dropUnused: () =>
      db.transaction(() => {
        const gone = db.all<Row>(`SELECT *, NULL AS name FROM kernels WHERE ${unused}`).map(toRecord);
        db.run(`DELETE FROM kernels WHERE ${unused}`);
        return gone;
      }),
  };
}

function toRecord(row: Row): KernelRecord {
  return {
    name: (row.name ?? row.digest) as ImageName,
    digest: row.digest as Digest,
    release: row.release,
    bytes: row.bytes,
    source: row.source,
    createdAt: row.created_at,
  };
}
