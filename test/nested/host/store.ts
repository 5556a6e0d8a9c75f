/** The test host's disk with the compiled product, and a home whose store has a small image and a kernel: no network is needed. */
import { cpSync, existsSync, globSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type TinyArtifacts, tinyArtifacts } from "../../../src/images/testing/tiny.ts";
import type { Roots } from "../../../src/model/paths.ts";
import { disown, makeArtifacts } from "../../e2e/golden.ts";
import { programs, repository } from "../../e2e/home.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { fillStore } from "../../hosts/tiny-store.ts";
import { makeDisk } from "./make.ts";
import { storeBytes } from "./qemu.ts";

/** Where the disk is mounted in the host. */
export const storePoint = "/srv";
const programNames = ["banger", "banger-vsock-agent"];

/**
 * `product` is always there, with a small image; `sources`: and what `bun test` needs for the drivers' tests; `default-image`: and the
 * default image and kernel instead of the small ones.
 */
export type StoreContent = "product" | "sources" | "default-image";

/** A copy of the disk as it was made, at `path`. */
export async function copyStore(path: string, content: StoreContent): Promise<void> {
  const tiny = await tinyArtifacts();
  const artifacts = content === "default-image" ? await makeArtifacts() : null;
  const sources = content === "sources" ? sourceFiles() : [];
  const files = programNames.map((name) => join(programs, name));
  const key = keyOf([tiny.image.digest, tiny.kernel.digest, artifacts ?? ""], [...files, import.meta.path, ...sources]);
  const folder = await kept(`host-store-${key}`, (making) =>
    make(making, (tree) => {
      if (artifacts === null) fillStore(rootsBelow(join(tree, "home")), tiny);
      else copyHome(artifacts, join(tree, "home"));
      if (content === "sources") addSources(tree, tiny);
    }),
  );
  copySparse(join(folder, "store.ext4"), path);
}

export function copySparse(from: string, to: string): void {
  const copied = Bun.spawnSync(["cp", "--sparse=always", "--reflink=auto", from, to]);
  if (copied.exitCode !== 0) throw new Error(`copying ${from} failed: ${copied.stderr}`);
}

async function make(folder: string, fill: (tree: string) => void): Promise<void> {
  const tree = join(folder, "content");
  mkdirSync(join(tree, "bin"), { recursive: true });
  for (const name of programNames) cpSync(join(programs, name), join(tree, "bin", name));
  linkSync(join(tree, "bin/banger"), join(tree, "bin/bangerd"));
  fill(tree);
  makeDisk(join(folder, "store.ext4"), storeBytes, tree);
  rmSync(tree, { recursive: true });
}

/** The folders of `homeEnv`. */
function rootsBelow(home: string): Roots {
  const at = (name: string) => join(home, name, "banger");
  return { state: at("s"), cache: at("c"), config: at("k"), runtime: at("r") };
}

/** @param from a home that a daemon has left, with the same names of its folders; the cache is its own daemon's no more */
function copyHome(from: string, home: string): void {
  for (const name of ["s", "c"]) cpSync(join(from, name), join(home, name), { recursive: true });
  for (const name of ["k/banger", "r"]) mkdirSync(join(home, name), { recursive: true, mode: 0o700 });
  disown(join(home, "c"));
}

const sourceParts = ["src", "protocol", "package.json", "tsconfig.json", "build/bin/banger-vsock-agent"];
const modules = ["bun", "@oven", "smol-toml", "zod", ".bin"];

/** Where tests of the drivers find the image and kernel that they would else download (`BANGER_TEST_CACHE`). */
export const testCache = `${storePoint}/cache`;
export const sourcePoint = `${storePoint}/repo`;

function sourceFiles(): string[] {
  const files = globSync("src/**/*.ts", { cwd: repository }).sort();
  return ["package-lock.json", ...files].map((file) => join(repository, file));
}

function addSources(content: string, tiny: TinyArtifacts): void {
  const parts = [...sourceParts, ...modules.map((name) => `node_modules/${name}`)];
  for (const part of parts.filter((name) => existsSync(join(repository, name))))
    cpSync(join(repository, part), join(content, "repo", part), { recursive: true, verbatimSymlinks: true });
  const made = dirname(tiny.paths.roots.cache);
  cpSync(made, join(content, "cache", basename(made)), { recursive: true });
}

/** The product's environment in the host. */
export function homeEnv(home = `${storePoint}/home`): Record<string, string> {
  return {
    ...{ HOME: home, XDG_STATE_HOME: `${home}/s`, XDG_CACHE_HOME: `${home}/c`, XDG_CONFIG_HOME: `${home}/k` },
    XDG_RUNTIME_DIR: `${home}/r`,
    PATH: `${storePoint}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    LANG: "C.UTF-8",
  };
}
