/** What ends when the daemon does, though VMs do not: requests that are being answered, by what they are about. */
import type { InUse } from "../api/types.ts";
import { Deferred, orAborted } from "../base/async.ts";
import type { RouteName } from "./router.ts";

/** Routes whose answer takes a while. What the others do is over before anybody could be asked about it. */
const lasting: Partial<Record<RouteName, (name: string) => string>> = {
  createVm: () => "a VM that is being created",
  leaseVm: (name) => `VM "${name}", held by a command`,
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
  /** Says more precisely what the request is about. */
  describe(what: string): void;
  end(): void;
};

export class UseList {
  readonly #entries = new Set<InUse>();
  #idle = new Deferred<void>();

  /** @param pid of the process that asked */
  begin(route: RouteName, name: string, pid: number): UseEntry {
    const what = lasting[route]?.(name);
    if (what === undefined) return { describe: () => {}, end: () => {} };
    const entry: InUse = { what, pid };
    this.#entries.add(entry);
    return {
      describe: (text) => {
        entry.what = text;
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
    return [...this.#entries].map((entry) => ({ ...entry }));
  }

  /** Resolves at once when nothing is in use, else when the last entry ends. @throws the signal's reason */
  async whenIdle(signal: AbortSignal): Promise<void> {
    while (this.#entries.size > 0) await orAborted(this.#idle.promise, signal);
  }
}
