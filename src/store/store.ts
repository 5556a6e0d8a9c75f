/** All persistent state: SQLite is the only source, no other file is read back as state. */
import type { Db } from "../host/files/sqlite.ts";
import { createIdentities, type Identities } from "./identities.ts";
import { createImages, type Images } from "./images.ts";
import { createJournal, type Journal } from "./journal.ts";
import { createKernels, type Kernels } from "./kernels.ts";
import { createLeases, type Leases } from "./leases.ts";
import { migrate } from "./migrate.ts";
import { createProcesses, type Processes } from "./processes.ts";
import { createSnapshots, type Snapshots } from "./snapshots.ts";
import { createTemplates, type Templates } from "./templates.ts";
import { createVms, type Vms } from "./vms.ts";

export type Store = {
  vms: Vms;
  identities: Identities;
  processes: Processes;
  images: Images;
  kernels: Kernels;
  templates: Templates;
  snapshots: Snapshots;
  leases: Leases;
  journal: Journal;
  /** All or nothing; can be nested. */
  transaction<T>(body: () => T): T;
  close(): void;
};

/** @throws STORE_TOO_NEW when a newer banger has written the database */
export function createStore(db: Db, now: () => number): Store {
  migrate(db);
  return {
    vms: createVms(db),
    identities: createIdentities(db),
    processes: createProcesses(db),
    images: createImages(db),
    kernels: createKernels(db),
    templates: createTemplates(db),
    snapshots: createSnapshots(db),
    leases: createLeases(db),
    journal: createJournal(db, now),
    transaction: (body) => db.transaction(body),
    close: () => db.close(),
  };
}
