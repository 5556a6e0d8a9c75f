/**
 * The journal: each step of a change is recorded here before it is done, so that after a crash at any instruction the next
 * daemon knows what was in progress, and finishes or undoes it.
 */
import type { Db } from "../host/files/sqlite.ts";

export const changes = [
  "create",
  "start",
  "stop",
  "restart",
  "suspend",
  "snapshot",
  "restore",
  "delete",
  "drop",
] as const;
export type Change = (typeof changes)[number];

export type JournalEntry = {
  id: number;
  change: Change;
  /** a VM id; for `drop`, the digests as JSON */
  subject: string;
  step: string;
  begunAt: number;
};

/** A change in progress. */
export type OpenChange = {
  readonly id: number;
  /** Records the next step. Call it before doing the step. */
  step(name: string): void;
  /** Ends the change, finished or undone. Idempotent. */
  end(): void;
};

export type Journal = {
  /** @param step the first step */
  begin(change: Change, subject: string, step: string): OpenChange;
  /** changes that were not ended, oldest first */
  unfinished(): JournalEntry[];
  /** Continues an unfinished change. */
  reopen(entry: JournalEntry): OpenChange;
  /** Ends every change of `subject`. */
  forget(subject: string): void;
};

export function createJournal(db: Db, now: () => number): Journal {
  const open = (id: number): OpenChange => ({
    id,
    step: (name) => db.run("UPDATE journal SET step = ? WHERE id = ?", name, id),
    end: () => db.run("DELETE FROM journal WHERE id = ?", id),
  });
  return {
    begin(change, subject, step) {
      const row = db.get<{ id: number }>(
        "INSERT INTO journal (change, subject, step, begun_at) VALUES (?, ?, ?, ?) RETURNING id",
        change,
        subject,
        step,
        now(),
      );
      return open(row?.id ?? 0);
    },
    unfinished: () =>
      db.all<JournalEntry>("SELECT id, change, subject, step, begun_at AS begunAt FROM journal ORDER BY id"),
    reopen: (entry) => open(entry.id),
    forget: (subject) => db.run("DELETE FROM journal WHERE subject = ?", subject),
  };
}
