/** A store of the product that has a small image and a kernel, so that no network is needed to make a VM. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/host/files/sqlite.ts";
import type { TinyArtifacts } from "../../src/images/testing/tiny.ts";
import { pathsOf, type Roots } from "../../src/model/paths.ts";
import { createStore } from "../../src/store/store.ts";

/** Fills the folders as a daemon would have left them that imported the image and the kernel. */
export function fillStore(roots: Roots, tiny: TinyArtifacts): void {
  const paths = pathsOf(roots);
  for (const root of Object.values(roots)) mkdirSync(root, { recursive: true, mode: 0o700 });
  for (const name of ["kernels", "layers"])
    cpSync(join(tiny.paths.roots.cache, name), join(roots.cache, name), { recursive: true });
  const store = createStore(openDatabase(paths.database), Date.now);
  store.kernels.put(tiny.kernel);
  store.images.put(tiny.image);
  store.close();
}
