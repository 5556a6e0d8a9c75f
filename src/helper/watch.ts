/**
 * Tells when something changed on the host that may concern the bridge: `nft monitor`, `ip monitor`, and systemd-resolved's folder, which it
 * writes to at each start. What changed is not read from them: a look at the network tells.
 */

export type WatchDeps = {
  /** output of a program until it ends; it is ended when `signal` is aborted */
  follow(argv: readonly string[], signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** calls back at changes in a folder, or in the nearest one above it that is there */
  watchFolder(path: string, onChange: () => void): { close(): void };
  /** resolves after `ms`, at once when aborted */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** something may have changed; `isFirewalld` when it names firewalld */
  changed(about: { isFirewalld: boolean }): void;
  /** a monitor ended or can't be started */
  ended(argv: readonly string[], why: string): void;
};

/** link and address: what was taken away from the bridge; netconf: forwarding was turned off. ip-monitor(8), nft(8) */
export const monitors = [
  ["nft", "monitor"],
  ["ip", "monitor", "link", "address", "netconf"],
] as const;

const resolvedFolder = "/run/systemd/resolve";

/** from the start of a monitor until it certainly listens, and before one is started again, in `ms` */
const listenMs = 1000;

/** @returns what ends it */
export function watchHost(deps: WatchDeps): () => void {
  const ending = new AbortController();
  for (const argv of monitors) void followForever(deps, argv, ending.signal);
  let folder = watchResolved();
  function watchResolved() {
    return deps.watchFolder(resolvedFolder, () => {
      // what was watched may have been the folder above it, or one that is gone
      folder.close();
      if (ending.signal.aborted) return;
      folder = watchResolved();
      deps.changed({ isFirewalld: false });
    });
  }
  return () => {
    ending.abort();
    folder.close();
  };
}

async function followForever(deps: WatchDeps, argv: readonly string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // for what happens before it listens
    void deps.pause(listenMs, signal).then(() => deps.changed({ isFirewalld: true }));
    const why = await followOnce(deps, argv, signal);
    if (signal.aborted) return;
    deps.ended(argv, why);
    await deps.pause(listenMs, signal);
  }
}

async function followOnce(deps: WatchDeps, argv: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    for await (const chunk of deps.follow(argv, signal))
      deps.changed({ isFirewalld: Buffer.from(chunk).includes("firewalld") });
    return "it ended";
  } catch (error) {
    return String(error);
  }
}
