/**
 * A paused VM's process that stands still too. Emulation with one thread turns the paused guest's clock on again
 * (`qemu_clock_enable` in QEMU's tcg-accel-ops-rr.c), and QEMU then looks for timers that never come due,
 * thousands of times a second. Under KVM it sleeps by itself.
 */
import { signalProcess } from "../../host/process.ts";
import type { ProcessRef } from "../../model/vm.ts";

export class Standstill {
  readonly #process: ProcessRef;
  readonly #isNeeded: boolean;
  #isStill = false;

  constructor({ process, accel }: { process: ProcessRef; accel: "kvm" | "tcg" }) {
    this.#process = process;
    this.#isNeeded = accel === "tcg";
  }

  /** Its guest is paused, and nothing is asked of its monitor. */
  begin(): void {
    if (this.#isNeeded) this.#isStill = signalProcess(this.#process, "SIGSTOP");
  }

  end(): void {
    if (this.#isStill) signalProcess(this.#process, "SIGCONT");
    this.#isStill = false;
  }

  /** The monitor answers while `ask` asks; the guest stays paused. */
  async awake<T>(ask: () => Promise<T>): Promise<T> {
    const wasStill = this.#isStill;
    this.end();
    try {
      return await ask();
    } finally {
      if (wasStill) this.begin();
    }
  }
}
