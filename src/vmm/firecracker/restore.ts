/** Loads a save into a Firecracker that has just started. */
import { removeTree, writeAtomic } from "../../host/files/files.ts";
import type { FirecrackerApi } from "../../wire/firecracker/client.ts";
import { requests } from "../../wire/firecracker/requests.ts";
import { type FirecrackerPaths, names } from "./paths.ts";

/** A save, of which the state was checked. */
export type Loaded = {
  /** path */
  memory: string;
  state: Uint8Array;
  /** the VM's TAP interface; null: it has none */
  tap: string | null;
  onStarted(): void;
};

/**
 * The VM is paused afterwards. Firecracker gets a copy of the bytes of `state`: what was checked is what is loaded. Its disks and its
 * vsock are those of its working directory.
 * @throws VMM_START_FAILED when it refuses; it ends then
 */
export async function loadSave(api: FirecrackerApi, paths: FirecrackerPaths, from: Loaded): Promise<void> {
  from.onStarted();
  try {
    await writeAtomic(paths.loadedState, from.state);
    const network = from.tap === null ? {} : { network: { id: names.network, tap: from.tap } };
    await api.ask(requests.load({ state: names.loadedState, memory: from.memory, ...network }));
  } finally {
    await removeTree(paths.loadedState);
  }
}
