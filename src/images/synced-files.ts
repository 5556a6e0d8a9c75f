/** What `file_sync` has copied into a VM, as the paths of a saved image's entries. */
import { isAtOrBelow } from "../model/file-sync.ts";
import type { Union } from "./union/union.ts";

/**
 * The same paths without a leading slash, and where the image's own links lead them: its `/root` or `/home` may be one. `put` follows no
 * link below the home.
 * @param paths absolute @param union the image's
 */
export async function resolvedPaths(union: Pick<Union, "resolve">, paths: readonly string[]): Promise<Set<string>> {
  const all = new Set<string>();
  for (const path of paths) {
    const plain = path.slice(1);
    all.add(plain);
    all.add(await throughLinks(union, plain));
  }
  return all;
}

/** @param path of an entry, without a leading slash @param synced as `resolvedPaths` returns them */
export function isSynced(path: string, synced: ReadonlySet<string>): boolean {
  return isAtOrBelow(path, synced);
}

/** The path that its longest existing part leads to. */
async function throughLinks(union: Pick<Union, "resolve">, path: string): Promise<string> {
  const names = path.split("/");
  for (let count = names.length - 1; count > 0; count--) {
    const found = await union.resolve(names.slice(0, count).join("/"));
    if (found) return [found.path, ...names.slice(count)].filter((part) => part !== "").join("/");
  }
  return path;
}
