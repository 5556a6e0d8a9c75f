/** Identifies one process, even after its pid was reused. */

/** pid and start time: pids are reused, the pair is not (`/proc/PID/stat` field 22). */
export type ProcessRef = { pid: number /** clock ticks since the host's boot */; startTicks: number };
