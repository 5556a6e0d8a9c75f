/** Identifies one process, even after its pid was reused. */

/** pid, start time and boot: pids are reused, and with another boot start times are too (`/proc/PID/stat` field 22). */
export type ProcessRef = {
  pid: number;
  /** clock ticks since the host's boot */
  startTicks: number;
  /** the host's boot id; absent in records of earlier versions */
  boot?: string;
};
