/**
 * Images: names point at contents. A content whose name was given to another one stays as long as a VM uses it, so
 * `byDigest` still finds what such a VM boots from.
 */
import type { Digest, ImageName } from "../base/names.ts";
import type { Db } from "../host/sqlite.ts";
import type { ImageConfig, ImageRecord, InitKind, LayerRef } from "../model/artifact.ts";

type Row = { digest: string; name: string | null; init: string; source: string; config: string; created_at: number };

export type Images = {
  byName(name: ImageName): ImageRecord | null;
  /** the name is the digest itself when no name points at it */
  byDigest(digest: Digest): ImageRecord | null;
  all(): ImageRecord[];
  /** Adds the content if it is new, and points the name at it. */
  put(record: ImageRecord): void;
  removeName(name: ImageName): void;
  /**
   * Drops contents with neither a name nor a VM, and their layers that nothing else has.
   * @returns what was dropped: their files are the caller's to remove
   */
  dropUnused(): { images: ImageRecord[]; layers: LayerRef[] };
  layers(): LayerRef[];
};

const select = `SELECT i.digest, n.name, i.init, i.source, i.config, i.created_at
                FROM images i LEFT JOIN image_names n ON n.digest = i.digest`;

export function createImages(db: Db): Images {
  const toRecord = (row: Row): ImageRecord => ({
    name: (row.name ?? row.digest) as ImageName,
    digest: row.digest as Digest,
    layers: layersOf(db, row.digest),
    init: row.init as InitKind,
    source: row.source,
    config: JSON.parse(row.config) as ImageConfig,
    createdAt: row.created_at,
  });
  const find = (where: string, value: string) => {
    const row = db.get<Row>(`${select} WHERE ${where} = ?`, value);
    return row ? toRecord(row) : null;
  };
  return {
    byName: (name) => find("n.name", name),
    byDigest: (digest) => find("i.digest", digest),
    all: () => db.all<Row>(`${select} WHERE n.name IS NOT NULL ORDER BY n.name`).map(toRecord),
    put: (record) => db.transaction(() => insert(db, record)),
    removeName: (name) => db.run("DELETE FROM image_names WHERE name = ?", name),
    dropUnused: () => db.transaction(() => dropUnused(db, toRecord)),
    layers: () => db.all<LayerRef>("SELECT digest, bytes FROM layers ORDER BY digest"),
  };
}

function layersOf(db: Db, image: string): LayerRef[] {
  return db.all<LayerRef>(
    `SELECT l.digest, l.bytes FROM image_layers il JOIN layers l ON l.digest = il.layer_digest
     WHERE il.image_digest = ? ORDER BY il.position`,
    image,
  );
}

function insert(db: Db, r: ImageRecord): void {
  const known = db.get("SELECT 1 FROM images WHERE digest = ?", r.digest) != null;
  if (!known) {
    db.run(
      "INSERT INTO images (digest, init, source, config, created_at) VALUES (?, ?, ?, ?, ?)",
      r.digest,
      r.init,
      r.source,
      JSON.stringify(r.config),
      r.createdAt,
    );
    r.layers.forEach((layer, position) => {
      db.run("INSERT OR IGNORE INTO layers (digest, bytes) VALUES (?, ?)", layer.digest, layer.bytes);
      db.run(
        "INSERT INTO image_layers (image_digest, position, layer_digest) VALUES (?, ?, ?)",
        r.digest,
        position,
        layer.digest,
      );
    });
  }
  db.run("INSERT OR REPLACE INTO image_names (name, digest) VALUES (?, ?)", r.name, r.digest);
}

function dropUnused(db: Db, toRecord: (row: Row) => ImageRecord): { images: ImageRecord[]; layers: LayerRef[] } {
  const unused = `digest NOT IN (SELECT digest FROM image_names) AND digest NOT IN (SELECT image_digest FROM vms)`;
  const images = db.all<Row>(`SELECT *, NULL AS name FROM images WHERE ${unused}`).map(toRecord);
  db.run(`DELETE FROM images WHERE ${unused}`);
  const orphaned = "digest NOT IN (SELECT layer_digest FROM image_layers)";
  const layers = db.all<LayerRef>(`SELECT digest, bytes FROM layers WHERE ${orphaned}`);
  db.run(`DELETE FROM layers WHERE ${orphaned}`);
  return { images, layers };
}
