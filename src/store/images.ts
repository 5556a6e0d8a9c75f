/**
 * Images: names point at contents. A content that lost its name stays for as long as a VM uses it, so `byDigest` finds what
 * such a VM boots from.
 */
import { type Digest, type ImageName, isDigest } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { ImageConfig, ImageRecord, InitKind, LayerRef, RootFacts } from "../model/artifact.ts";

type Row = {
  digest: string;
  name: string | null;
  kernel: string | null;
  init: string;
  shell: number;
  direct_layer: string | null;
  source: string;
  config: string;
  created_at: number;
};
type LayerRow = {
  digest: string;
  bytes: number;
  root: string | null;
  hides_all: number;
  file_digest: string | null;
};

export type Images = {
  byName(name: ImageName): ImageRecord | null;
  /** its name is the digest when no name points at it */
  byDigest(digest: Digest): ImageRecord | null;
  all(): ImageRecord[];
  /** Contents whose digest starts with `prefix`, at most 10. @param prefix `sha256:` and at least one digit */
  byPrefix(prefix: string): ImageRecord[];
  /** The content that was made from the manifest with that digest in a registry. */
  bySourceDigest(digest: Digest): ImageRecord | null;
  /** all names of a content */
  namesOf(digest: Digest): ImageName[];
  /** Adds the content if it is new, and points the name at it. @param sourceDigests of the manifests it was made of */
  put(record: ImageRecord, sourceDigests?: readonly Digest[]): void;
  /** Names a content by its digest, which keeps it until that name is removed or it gets another name. */
  keepUnnamed(record: ImageRecord): void;
  removeName(name: ImageName): void;
  /**
   * Drops contents with neither a name nor a VM, and layers that no remaining content has.
   * @returns what was dropped, so that the caller can remove the files
   */
  dropUnused(): { images: ImageRecord[]; layers: LayerRef[] };
  layers(): LayerRef[];
  layer(digest: Digest): LayerRef | null;
  /** how many images have each layer */
  layerUses(): Map<Digest, number>;
};

const select = `SELECT i.*, n.name, n.kernel
                FROM images i LEFT JOIN image_names n ON n.digest = i.digest`;

export function createImages(db: Db): Images {
  const toRecord = (row: Row): ImageRecord => ({
    name: (row.name ?? row.digest) as ImageName,
    digest: row.digest as Digest,
    layers: layersOf(db, row.digest),
    kernel: row.kernel as ImageName | null,
    direct: row.direct_layer === null ? null : layerOf(db, row.direct_layer),
    init: row.init as InitKind,
    shell: row.shell !== 0,
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
    byPrefix: (prefix) =>
      db
        .all<Row>(`${select} WHERE substr(i.digest, 1, ?) = ? GROUP BY i.digest LIMIT 10`, prefix.length, prefix)
        .map(toRecord),
    bySourceDigest: (digest) => {
      const row = db.get<{ image: string }>("SELECT image_digest AS image FROM image_origins WHERE digest = ?", digest);
      return row ? find("i.digest", row.image) : null;
    },
    namesOf: (digest) =>
      db
        .all<{ name: string }>("SELECT name FROM image_names WHERE digest = ? ORDER BY name", digest)
        .map(({ name }) => name as ImageName),
    put: (record, sourceDigests = []) => db.transaction(() => insert(db, record, sourceDigests)),
    keepUnnamed: ({ digest, kernel }) =>
      db.run("INSERT OR IGNORE INTO image_names (name, digest, kernel) VALUES (?, ?, ?)", digest, digest, kernel),
    removeName: (name) => db.run("DELETE FROM image_names WHERE name = ?", name),
    dropUnused: () => db.transaction(() => dropUnused(db, toRecord)),
    layers: () => db.all<LayerRow>("SELECT * FROM layers ORDER BY digest").map(toLayer),
    layer: (digest) => layerOf(db, digest),
    layerUses: () => layerUses(db),
  };
}

function layersOf(db: Db, image: string): LayerRef[] {
  const rows = db.all<LayerRow>(
    `SELECT l.* FROM image_layers il JOIN layers l ON l.digest = il.layer_digest
     WHERE il.image_digest = ? ORDER BY il.position`,
    image,
  );
  return rows.map(toLayer);
}

function layerOf(db: Db, digest: string): LayerRef | null {
  const row = db.get<LayerRow>("SELECT * FROM layers WHERE digest = ?", digest);
  return row ? toLayer(row) : null;
}

function toLayer({ digest, bytes, root, hides_all, file_digest }: LayerRow): LayerRef {
  const facts = root === null ? null : (JSON.parse(root) as RootFacts);
  const layer: LayerRef = { digest: digest as Digest, bytes, root: facts, hidesAll: hides_all !== 0 };
  return file_digest === null ? layer : { ...layer, fileDigest: file_digest as Digest };
}

function layerUses(db: Db): Map<Digest, number> {
  const rows = db.all<{ digest: string; uses: number }>(
    `SELECT digest, count(DISTINCT image) AS uses FROM (
       SELECT layer_digest AS digest, image_digest AS image FROM image_layers
       UNION ALL SELECT direct_layer, digest FROM images WHERE direct_layer IS NOT NULL
     ) GROUP BY digest`,
  );
  return new Map(rows.map(({ digest, uses }) => [digest as Digest, uses]));
}

function insert(db: Db, r: ImageRecord, sourceDigests: readonly Digest[]): void {
  insertLayers(db, r);
  if (db.get("SELECT 1 FROM images WHERE digest = ?", r.digest) == null) insertContent(db, r);
  db.run("INSERT OR REPLACE INTO image_names (name, digest, kernel) VALUES (?, ?, ?)", r.name, r.digest, r.kernel);
  if (!isDigest(r.name)) db.run("DELETE FROM image_names WHERE name = ?", r.digest);
  for (const sourceDigest of sourceDigests) {
    db.run("INSERT OR REPLACE INTO image_origins (digest, image_digest) VALUES (?, ?)", sourceDigest, r.digest);
  }
}

/** A layer that was made again, because its file was damaged, can have another size and file digest: they are updated. */
function insertLayers(db: Db, r: ImageRecord): void {
  for (const layer of r.direct ? [...r.layers, r.direct] : r.layers) {
    db.run(
      `INSERT INTO layers (digest, bytes, root, hides_all, file_digest) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes, file_digest = excluded.file_digest`,
      layer.digest,
      layer.bytes,
      layer.root && JSON.stringify(layer.root),
      layer.hidesAll ? 1 : 0,
      layer.fileDigest ?? null,
    );
  }
}

function insertContent(db: Db, r: ImageRecord): void {
  db.run(
    "INSERT INTO images (digest, init, shell, direct_layer, source, config, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    r.digest,
    r.init,
    r.shell ? 1 : 0,
    r.direct?.digest ?? null,
    r.source,
    JSON.stringify(r.config),
    r.createdAt,
  );
  r.layers.forEach(({ digest }, position) => {
    db.run(
      "INSERT INTO image_layers (image_digest, position, layer_digest) VALUES (?, ?, ?)",
      r.digest,
      position,
      digest,
    );
  });
}

function dropUnused(db: Db, toRecord: (row: Row) => ImageRecord): { images: ImageRecord[]; layers: LayerRef[] } {
  const unused = `digest NOT IN (SELECT digest FROM image_names) AND digest NOT IN (SELECT image_digest FROM vms)`;
  const images = db.all<Row>(`SELECT *, NULL AS name, NULL AS kernel FROM images WHERE ${unused}`).map(toRecord);
  db.run(`DELETE FROM images WHERE ${unused}`);
  const orphaned = `digest NOT IN (SELECT layer_digest FROM image_layers)
    AND digest NOT IN (SELECT direct_layer FROM images WHERE direct_layer IS NOT NULL)`;
  const layers = db.all<LayerRow>(`SELECT * FROM layers WHERE ${orphaned}`).map(toLayer);
  db.run(`DELETE FROM layers WHERE ${orphaned}`);
  return { images, layers };
}
