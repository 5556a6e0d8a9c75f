/** Work that many events ask for and that needs to be done once for all of them. */

/**
 * The returned function starts `work`. While it is under way any number of calls lead to one more run after it, so the last
 * run began after the last call. Resolves when no run is left; never rejects: a run that fails is over.
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
