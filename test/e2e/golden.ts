/**
 * The default image and kernel, built once by the program itself and given to every suite as hard links: building takes a
 * minute or more, cloning a moment. Kept between runs under a name made of the sources that decide its content.
 */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Home, programs, repository, testRoot } from "./home.ts";

let ready: Promise<string> | null = null;

/** Puts image, kernel and the store that knows them into a fresh home. */
export async function cloneGolden(home: Home): Promise<void> {
  ready ??= makeGolden();
  const golden = await ready;
  noteKernel(golden);
  linkCache(join(golden, "c"), home);
  const isTemplate = (path: string) => path.startsWith(join(golden, templates, "/"));
  cpSync(join(golden, "s"), join(home.folder, "s"), { recursive: true, mode: 0, filter: (path) => !isTemplate(path) });
  // a template is looked at for whether it is the very file that was saved, so it is neither copied nor linked
  const made = readdirSync(join(golden, templates));
  for (const name of made) symlinkSync(join(golden, templates, name), join(home.folder, templates, name));
}

/** For the summary of `make test`: the distribution's kernel changes under us. */
function noteKernel(golden: string): void {
  const results = join(repository, "build/test-results");
  mkdirSync(results, { recursive: true });
  const noted = join(golden, kernelFile);
  if (existsSync(noted)) copyFileSync(noted, join(results, "kernel"));
}

const kernelFile = "kernel";
const templates = "s/banger/templates";

/** What a suite begins with: image and kernel, and a template of the present agent. */
function makeGolden(): Promise<string> {
  return kept(`golden-${hashOf(goldenSources, ["banger-vsock-agent"])}`, async (home) => {
    cloneArtifacts(await makeArtifacts(), home);
    const { stdout } = await home.ok(["vm", "run", "--rm", "--", "uname", "-rv"], { timeoutMs: 900_000 });
    writeFileSync(join(home.folder, kernelFile), stdout);
  });
}

/**
 * Image and kernel alone, in a home that has no daemon any more; its path. They depend on less than a template does, and take longer to
 * make.
 */
export function makeArtifacts(): Promise<string> {
  return kept(`artifacts-${hashOf(artifactSources, [])}`, async (home) => {
    await home.ok(["image", "pull", "debian-bookworm"], { timeoutMs: 900_000 });
    await home.ok(["kernel", "pull", "debian-bookworm-cloud"], { timeoutMs: 900_000 });
  });
}

/** The folder of that name, filled by `fill` in a home of its own where it is missing. Test files that run at once wait for one of them. */
async function kept(name: string, fill: (home: Home) => Promise<void>): Promise<string> {
  const final = join(testRoot, name);
  if (existsSync(final)) return final;
  const unlock = await lock(`${final}.lock`);
  try {
    if (!existsSync(final)) await make(final, fill);
    return final;
  } finally {
    await unlock();
  }
}

async function make(final: string, fill: (home: Home) => Promise<void>): Promise<void> {
  const home = new Home("gold");
  try {
    await fill(home);
    await home.ok(["daemon", "stop"]);
    renameSync(home.folder, final);
  } catch (error) {
    await home.close();
    throw error;
  }
}

/** Waits for the lock, and holds it until the result is called or this process ends: flock(1) keeps it while its input is open. */
async function lock(path: string): Promise<() => Promise<unknown>> {
  const holder = Bun.spawn(["flock", path, "sh", "-c", "echo locked; exec cat"], { stdin: "pipe", stdout: "pipe" });
  await holder.stdout.getReader().read();
  return async () => {
    holder.stdin.end();
    return holder.exited;
  };
}

function cloneArtifacts(from: string, home: Home): void {
  linkCache(join(from, "c"), home);
  cpSync(join(from, "s"), join(home.folder, "s"), { recursive: true });
}

/**
 * Gives a home the images and kernels of another one's cache. Layers never change once they have their name, so links are as good as
 * copies; the claim to the cache is its owner's.
 */
export function linkCache(from: string, home: Home): void {
  const to = join(home.folder, "c");
  const linked = Bun.spawnSync(["cp", "-al", from, to]);
  if (linked.exitCode !== 0) throw new Error(`linking ${from} failed: ${linked.stderr}`);
  disown(to);
}

/** Forgets which daemon a copied cache belongs to. @param cache the folder that XDG_CACHE_HOME names */
export function disown(cache: string): void {
  for (const name of ["bangerd.lock", "owner.json"]) rmSync(join(cache, "banger", name), { force: true });
}

const artifactSources = "src/{images,kernels,artifacts,store}/**/*.ts";
const goldenSources = "src/{images,kernels,artifacts,store,templates}/**/*.ts";

function hashOf(sources: string, builtPrograms: readonly string[]): string {
  const hash = createHash("sha256");
  const files = globSync(sources, { cwd: repository }).filter((file) => !file.endsWith(".test.ts"));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(repository, file)));
  for (const name of builtPrograms) hash.update(readFileSync(join(programs, name)));
  return hash.digest("hex").slice(0, 12);
}
