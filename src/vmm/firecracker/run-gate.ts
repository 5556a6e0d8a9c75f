/** Whether a VM's CPUs run, and a promise for the time when they do. */
import { Deferred } from "../../base/async.ts";

export class RunGate {
  #paused: Deferred<void> | null = null;

  constructor(isPaused: boolean) {
    if (isPaused) this.close();
  }

  get isPaused(): boolean {
    return this.#paused !== null;
  }

  close(): void {
    this.#paused ??= new Deferred();
  }

  open(): void {
    this.#paused?.resolve();
    this.#paused = null;
  }

  async whenRunning(): Promise<void> {
    while (this.#paused) await this.#paused.promise;
  }
}
