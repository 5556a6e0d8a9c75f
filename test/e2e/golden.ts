/**
 * The default image and kernel, built once by the program itself and given to every suite as hard links: building takes a
 * minute or more, cloning a moment. Kept between runs under a name made of the sources that decide its content.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Home, programs, repository, testRoot } from "./home.ts";

let ready: Promise<string> | null = null;

/** Puts image, kernel and the store that knows them into a fresh home. */
export async function cloneGolden(home: Home): Promise<void> {
  ready ??= makeGolden();
  const golden = await ready;
  // Layers never change once they have their name, so links are as good as copies.
  const linked = Bun.spawnSync(["cp", "-al", join(golden, "c"), join(home.folder, "c")]);
  if (linked.exitCode !== 0) throw new Error(`cloning the golden image failed: ${linked.stderr}`);
  const isTemplate = (path: string) => path.startsWith(join(golden, templates, "/"));
  cpSync(join(golden, "s"), join(home.folder, "s"), { recursive: true, mode: 0, filter: (path) => !isTemplate(path) });
  // a template is looked at for whether it is the very file that was saved, so it is neither copied nor linked
  const made = readdirSync(join(golden, templates));
  for (const name of made) symlinkSync(join(golden, templates, name), join(home.folder, templates, name));
}

const templates = "s/banger/templates";

async function makeGolden(): Promise<string> {
  const final = join(testRoot, `golden-${contentKey()}`);
  if (existsSync(final)) return final;
  const home = new Home("gold");
  try {
    await home.ok(["vm", "run", "--rm", "--", "true"], { timeoutMs: 900_000 });
    await home.ok(["daemon", "stop"]);
    renameSync(home.folder, final);
    return final;
  } catch (error) {
    await home.close();
    // Another run of the tests was quicker.
    if (existsSync(final)) return final;
    throw error;
  }
}

function contentKey(): string {
  const hash = createHash("sha256");
  const sources = globSync("src/{images,kernels,artifacts,store,templates}/**/*.ts", { cwd: repository }).filter(
    (file) => !file.endsWith(".test.ts"),
  );
  for (const file of sources.sort()) hash.update(file).update(readFileSync(join(repository, file)));
  hash.update(readFileSync(join(programs, "banger-vsock-agent")));
  return hash.digest("hex").slice(0, 12);
}

/** Removes every golden image but the present one. */
export function pruneGolden(): void {
  const present = `golden-${contentKey()}`;
  for (const name of globSync("golden-*", { cwd: testRoot }))
    if (name !== present) rmSync(join(testRoot, name), { recursive: true, force: true });
}
