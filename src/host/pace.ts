/**
 * How slow this host is, for limits of waits that depend on its speed: a guest inside an emulated machine takes ten times as long
 * as usual, and is not hung. What is measured is work that is done anyway, and the same each time: the start of this program's own
 * runtime. Its CPU time counts, which a busy host does not change much.
 */

/** CPU time of that on a usual host, in `ms`. */
const usualStartMs = 25;

/** Beyond it a limit would be no limit any more for who waits. */
const slowest = 10;

let measured = 1;

/** @param cpuMs CPU time since the start of the process, in `ms` @returns 1 to 10 */
export function paceOf(cpuMs: number): number {
  return Math.min(Math.max(cpuMs / usualStartMs, 1), slowest);
}

/** Call it first of all, once. */
export function measurePace(): void {
  const { user, system } = process.cpuUsage();
  measured = paceOf((user + system) / 1000);
}

/** What a limit for the usual host is multiplied by: 1 (always in tests) to 10. */
export function hostPace(): number {
  return measured;
}
