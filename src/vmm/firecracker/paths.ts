/** Firecracker's files in a VM's folder. */
import { fail } from "../../base/errors/error.ts";
import { maxSocketPath } from "../../host/net/socket-path.ts";
import { vmPaths } from "../../model/paths.ts";

export type FirecrackerPaths = ReturnType<typeof firecrackerFiles>;

/**
 * Firecracker keeps the names of its socket and disks in a save, and can't be given others. So it works in the VM's folder, where
 * these names lead to the VM's own.
 */
export const names = {
  vsock: "v.sock",
  api: "api.sock",
  disk: (index: number) => `d${index}`,
  /** id of its network device, in a save too */
  network: "eth0",
  /** where it writes a save; the cage admits no other place */
  savedMemory: "save.memory",
  savedState: "save.state",
  /** exists once a save has had it count dirty pages anew, since it was started */
  recounted: "save.recounted",
  /** the state that it is to load */
  loadedState: "load.state",
};

export function firecrackerFiles(directory: string) {
  const at = (name: string) => `${directory}/${name}`;
  return {
    ...vmPaths(directory),
    api: at(names.api),
    /** what it says before its log is open, and after an error */
    errors: at("vmm.errors"),
    disk: (index: number) => at(names.disk(index)),
    savedMemory: at(names.savedMemory),
    savedState: at(names.savedState),
    recounted: at(names.recounted),
    loadedState: at(names.loadedState),
  };
}

/** The same, checked for a Firecracker that is about to start. @throws PATH_TOO_LONG */
export function firecrackerPaths(directory: string): FirecrackerPaths {
  const paths = firecrackerFiles(directory);
  // it binds them by their short names, but banger connects to the whole path
  const tooLong = [paths.vsock, paths.api].find((path) => Buffer.byteLength(path) > maxSocketPath);
  if (tooLong !== undefined) throw fail("PATH_TOO_LONG", { path: tooLong, limit: maxSocketPath });
  return paths;
}

/** What keeps the next Firecracker from starting: it refuses sockets that exist. */
export function socketsIn(directory: string): string[] {
  const { api, vsock } = firecrackerFiles(directory);
  return [api, vsock];
}

/** What a killed Firecracker, or a daemon that was killed, leaves besides. */
export function leftoversIn(directory: string): string[] {
  const { savedMemory, savedState, recounted, loadedState } = firecrackerFiles(directory);
  return [savedMemory, savedState, recounted, loadedState];
}
