/** Coalesces work that many events ask for and that needs to run only once for all of them. */

/**
 * The returned function starts `work`. Any number of calls during a run lead to one more run after it, so the last run began after
 * the last call. Resolves when no run is left; never rejects: the error of a failed run is dropped.
 */
export function oneAtATime(work: () => Promise<unknown>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let isWanted = false;
  const run = async () => {
    while (isWanted) {
      isWanted = false;
      await work().catch(() => {});
    }
    running = null;
  };
  return () => {
    isWanted = true;
    running ??= run();
    return running;
  };
}
