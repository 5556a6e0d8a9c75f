/** Naming one process for ever. */

/** pid and start time together: pids are used again, the pair is not (`/proc/PID/stat` field 22). */
export type ProcessRef = { pid: number /** clock ticks since the host's boot */; startTicks: number };
