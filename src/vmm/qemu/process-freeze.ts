/**
 * A paused VM's process that stands still too. Emulation with one thread turns the paused guest's clock on again
 * (`qemu_clock_enable` in QEMU's tcg-accel-ops-rr.c), and QEMU then looks for timers that never come due,
 * thousands of times a second. Under KVM it sleeps by itself.
 */
import { signalProcess } from "../../host/process/children.ts";
import type { ProcessRef } from "../../model/vm.ts";

export class ProcessFreeze {
  readonly #process: ProcessRef;
  readonly #isNeeded: boolean;
  #isWanted = false;
  #isFrozen = false;
  /** questions to the monitor under way */
  #queries = 0;

  constructor({ process, accel }: { process: ProcessRef; accel: "kvm" | "tcg" }) {
    this.#process = process;
    this.#isNeeded = accel === "tcg";
  }

  /** Its guest is paused: the process is stopped whenever nothing is asked of its monitor. */
  begin(): void {
    this.#isWanted = this.#isNeeded;
    this.#apply();
  }

  end(): void {
    this.#isWanted = false;
    this.#apply();
  }

  /** The monitor answers while `ask` asks; the guest stays paused. */
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
