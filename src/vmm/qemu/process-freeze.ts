/**
 * Freezes the process of a paused VM with SIGSTOP. With single-threaded TCG, QEMU re-enables the paused guest's clock
 * (`qemu_clock_enable` in its tcg-accel-ops-rr.c) and then polls thousands of times a second for timers that never expire. Under
 * KVM it sleeps, so nothing is needed.
 */
import { signalProcess } from "../../host/process/children.ts";
import type { ProcessRef } from "../../model/vm.ts";

export class ProcessFreeze {
  readonly #process: ProcessRef;
  readonly #isNeeded: boolean;
  #isWanted = false;
  #isFrozen = false;
  /** monitor commands in progress */
  #queries = 0;

  constructor({ process, accel }: { process: ProcessRef; accel: "kvm" | "tcg" }) {
    this.#process = process;
    this.#isNeeded = accel === "tcg";
  }

  /** The guest is paused: from now on the process is stopped, except during monitor commands. */
  begin(): void {
    this.#isWanted = this.#isNeeded;
    this.#apply();
  }

  end(): void {
    this.#isWanted = false;
    this.#apply();
  }

  /** Lets the process run during `ask`, so that its monitor answers; the guest stays paused. */
  async awake<T>(ask: () => Promise<T>): Promise<T> {
    this.#queries += 1;
    this.#apply();
    try {
      return await ask();
    } finally {
      this.#queries -= 1;
      this.#apply();
    }
  }

  #apply(): void {
    const isFrozen = this.#isWanted && this.#queries === 0;
    if (isFrozen === this.#isFrozen) return;
    this.#isFrozen = signalProcess(this.#process, isFrozen ? "SIGSTOP" : "SIGCONT") && isFrozen;
  }
}
