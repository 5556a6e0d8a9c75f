/** Templates: saved VMs that new VMs start from. */
import type { Digest } from "../base/names.ts";
import type { Db } from "../host/files/sqlite.ts";
import type { TemplateFacts, TemplateRecord } from "../model/save.ts";
import type { SavedState } from "../model/saved-state.ts";

type Row = {
  key: string;
  facts: string;
  save: string;
  bytes: number;
  created_at: number;
  last_used_at: number;
  uses: number;
};

export type Templates = {
  byKey(key: Digest): TemplateRecord | null;
  /** most recently used first */
  all(): TemplateRecord[];
  put(record: TemplateRecord): void;
  /** Counts one more VM that started from it. */
  used(key: Digest, now: number): void;
  remove(key: Digest): void;
};

export function createTemplates(db: Db): Templates {
  return {
    byKey(key) {
      const row = db.get<Row>("SELECT * FROM templates WHERE key = ?", key);
      return row ? toRecord(row) : null;
    },
    all: () => db.all<Row>("SELECT * FROM templates ORDER BY last_used_at DESC, key").map(toRecord),
    put(r) {
      db.run(
        "INSERT OR REPLACE INTO templates (key, facts, save, bytes, created_at, last_used_at, uses) VALUES (?, ?, ?, ?, ?, ?, ?)",
        r.key,
        JSON.stringify(r.facts),
        JSON.stringify(r.save),
        r.bytes,
        r.createdAt,
        r.lastUsedAt,
        r.uses,
      );
    },
    used: (key, now) => db.run("UPDATE templates SET uses = uses + 1, last_used_at = ? WHERE key = ?", now, key),
    remove: (key) => db.run("DELETE FROM templates WHERE key = ?", key),
  };
}

function toRecord(row: Row): TemplateRecord {
  return {
    key: row.key as Digest,
    facts: JSON.parse(row.facts) as TemplateFacts,
    save: JSON.parse(row.save) as SavedState,
    bytes: row.bytes,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    uses: row.uses,
  };
}
