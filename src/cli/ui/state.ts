/** A VM's state in a word or two. */
import type { PauseKind, VmRecord } from "../../model/vm.ts";

const causes: Record<PauseKind, string> = {
  "disk-full": "disk full",
  "io-error": "I/O error",
  "vmm-error": "VMM error",
};

/** `running`, `paused (disk full)` */
export function stateText({ state, pausedBy }: Pick<VmRecord, "state" | "pausedBy">): string {
  return pausedBy ? `${state} (${causes[pausedBy.kind]})` : state;
}
