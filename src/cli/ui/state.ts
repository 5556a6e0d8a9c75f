/** The state of a VM in a word or two. */
import type { PauseKind, TroubleKind, VmRecord } from "../../model/vm.ts";

const causes: Record<PauseKind, string> = {
  "disk-full": "disk full",
  "file-limit": "file size limit",
  "io-error": "I/O error",
  "vmm-error": "VMM error",
};

const troubles: Record<TroubleKind, string> = {
  "network-lost": "no network",
  "disk-error": "disk error",
  "memory-failure": "memory error",
  watchdog: "watchdog expired",
  "guest-panic": "kernel panic",
  reset: "was reset",
};

/** `running`, `running (no network)`, `paused (disk full)` */
export function stateText({ state, pausedBy, troubles: met = [] }: Shown): string {
  const trouble = state === "running" || state === "paused" ? met.at(-1) : undefined;
  const why = pausedBy ? causes[pausedBy.kind] : trouble && troubles[trouble.kind];
  return why ? `${state} (${why})` : state;
}

/** A daemon of an older version does not report troubles. */
type Shown = Pick<VmRecord, "state" | "pausedBy"> & { troubles?: VmRecord["troubles"] };
