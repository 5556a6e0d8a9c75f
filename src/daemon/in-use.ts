/** Requests that are in progress, for a user who is about to stop the daemon. VMs outlive it; these may not. */
import type { RouteName } from "../api/routes.ts";
import type { InUse } from "../api/types.ts";
import { Deferred, orAborted } from "../base/async.ts";

/** Routes whose answer takes a while. The others end before a user could be asked about them. */
const lasting: Partial<Record<RouteName, (name: string) => string>> = {
  createVm: () => "a VM that is being created",
  holdVm: (name) => `VM "${name}", held by a command`,
  agentVm: (name) => `a session in VM "${name}"`,
  startVm: (name) => `the start of VM "${name}"`,
  stopVm: (name) => `the stop of VM "${name}"`,
  restartVm: (name) => `the restart of VM "${name}"`,
  saveVm: (name) => `saving VM "${name}" as an image`,
  suspendVm: (name) => `suspending VM "${name}"`,
  forkVm: (name) => `forking VM "${name}"`,
  snapshotVm: (name) => `a snapshot of VM "${name}"`,
  restoreVm: (name) => `restoring VM "${name}"`,
  waitVm: (name) => `a command that waits for the end of VM "${name}"`,
  warmTemplate: () => "a template that is being made",
  importImage: (name) => `the import of image "${name}"`,
  importDisk: (name) => `the import of image "${name}"`,
  importArchive: () => "the import of an image archive",
  pullImage: (name) => `the pull of image "${name}"`,
  exportImage: (name) => `the export of image "${name}"`,
  rootfsImage: (name) => `the export of image "${name}"`,
  importKernel: (name) => `the import of kernel "${name}"`,
  pullKernel: (name) => `the pull of kernel "${name}"`,
  exportKernel: (name) => `the export of kernel "${name}"`,
};

export type UseEntry = {
  /** Describes the request more precisely. `isHold`: it only keeps a VM alive for sessions of the same process. */
  describe(what: string, kind?: { isHold: boolean }): void;
  /** Whether its client can resume through the next daemon. */
  resumable(value: boolean): void;
  end(): void;
};

type Entry = { what: string; pid: number; isSession: boolean; isHold: boolean; resumable: boolean };

/** The next daemon keeps a held VM while the holder's process lives, so a hold is resumable when that process's sessions are. */
function isResumable({ pid, isHold, resumable: own }: Entry, all: readonly Entry[]): boolean {
  if (!isHold) return own;
  const sessions = all.filter((entry) => entry.isSession && entry.pid === pid);
  return sessions.length > 0 && sessions.every((session) => session.resumable);
}

export class UseList {
  readonly #entries = new Set<Entry>();
  #idle = new Deferred<void>();

  /** @param pid of the process that asked */
  begin(route: RouteName, name: string, pid: number): UseEntry {
    const what = lasting[route]?.(name);
    if (what === undefined) return { describe: () => {}, resumable: () => {}, end: () => {} };
    const isSession = route === "agentVm";
    const entry: Entry = { what, pid, isSession, isHold: route === "holdVm", resumable: false };
    this.#entries.add(entry);
    return {
      describe: (text, kind) => {
        entry.what = text;
        entry.isHold = kind?.isHold ?? false;
      },
      resumable: (value) => {
        entry.resumable = value;
      },
      end: () => {
        this.#entries.delete(entry);
        if (this.#entries.size > 0) return;
        this.#idle.resolve();
        this.#idle = new Deferred();
      },
    };
  }

  /** In the order in which they began. */
  all(): InUse[] {
    const entries = [...this.#entries];
    return entries.map((entry) => ({ what: entry.what, pid: entry.pid, resumable: isResumable(entry, entries) }));
  }

  /** Resolves at once when nothing is in use, else when the last entry ends. @throws the signal's reason */
  async whenIdle(signal: AbortSignal): Promise<void> {
    while (this.#entries.size > 0) await orAborted(this.#idle.promise, signal);
  }
}
