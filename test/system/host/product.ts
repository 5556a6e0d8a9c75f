/** The layer above the root: what `make build` has made, in the owner's home, and a store with an image and a kernel. */
import { cpSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { tinyArtifacts } from "../../../src/images/testing/tiny.ts";
import type { Roots } from "../../../src/model/paths.ts";
import { disown, makeArtifacts } from "../../e2e/golden.ts";
import { programs } from "../../e2e/home.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { fillStore } from "../../hosts/tiny-store.ts";
import { owner } from "./rootfs.ts";

/** Where the owner has built banger. */
export const buildFolder = `/home/${owner.name}/banger/build/bin`;

const programNames = ["banger", "banger-vsock-agent"];

/** What its store has: the image `tiny`, which boots in a moment, or the default image. */
export type ProductImage = "tiny" | "default";

/** Path of the tree. */
export async function ensureProduct(image: ProductImage): Promise<string> {
  const files = programNames.map((name) => join(programs, name));
  const made = image === "tiny" ? await tinyArtifacts() : await makeArtifacts();
  const content = typeof made === "string" ? [made] : [made.image.digest, made.kernel.digest];
  const key = keyOf(content, [...files, import.meta.path]);
  const folder = await kept(`system-product-${key}`, async (making) => {
    const root = join(making, "root");
    const home = join(root, `home/${owner.name}`);
    const bin = join(root, buildFolder);
    mkdirSync(bin, { recursive: true, mode: 0o755 });
    for (const name of programNames) cpSync(join(programs, name), join(bin, name));
    linkSync(join(bin, "banger"), join(bin, "bangerd"));
    const at = (name: string) => join(home, name, "banger");
    const roots = { state: at(".local/state"), cache: at(".cache"), config: at(".config"), runtime: at(".local/run") };
    if (typeof made === "string") copyStore(made, roots);
    else fillStore(roots, made);
    // what is left running is what a test left running
    writeFileSync(join(at(".config"), "config.toml"), "warm_vms = false\n");
    giveToOwner(home);
  });
  return join(folder, "root");
}

/** @param from a home that a daemon has left */
function copyStore(from: string, { state, cache, config, runtime }: Roots): void {
  cpSync(join(from, "s/banger"), state, { recursive: true });
  cpSync(join(from, "c/banger"), cache, { recursive: true });
  for (const folder of [config, runtime]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  disown(dirname(cache));
}

function giveToOwner(home: string): void {
  const done = Bun.spawnSync(["chown", "-R", `${owner.uid}:${owner.uid}`, home]);
  if (done.exitCode !== 0) throw new Error(`${dirname(home)} could not be given to its owner: ${done.stderr}`);
}
