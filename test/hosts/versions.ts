/** Which versions of a test host's packages Debian's archive has: with others it is another host. */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApt } from "../../src/artifacts/debian/apt.ts";
import { findArchive } from "../../src/artifacts/debian/archive.ts";
import { createExec } from "../../src/host/process/exec-node.ts";
import { tempFolder } from "../../src/host/testing/temp.ts";
import { testRoot } from "../e2e/home.ts";
import { kept } from "./kept.ts";

export const suite = "bookworm";

const exec = createExec(process.env as Record<string, string>);

/**
 * `name=version` of each package. The archive is asked once a day; without it, what the last day had is good enough.
 * @param label begins the names of what is kept
 */
export async function versionsOfToday(label: string, packages: readonly string[]): Promise<string[]> {
  const day = new Date().toISOString().slice(0, 10);
  const noted = (name: string) => readFileSync(join(testRoot, name, "list"), "utf8").split("\n");
  try {
    const folder = await kept(`${label}-versions-${day}`, (making) => noteVersions(making, packages));
    return noted(folder.slice(testRoot.length + 1));
  } catch (error) {
    const last = globSync(`${label}-versions-*`, { cwd: testRoot }).sort().at(-1);
    if (last === undefined || !existsSync(join(testRoot, last, "list"))) throw error;
    console.log(`the archive can't be asked, so the versions of ${last} are used: ${error}`);
    return noted(last);
  }
}

async function noteVersions(folder: string, packages: readonly string[]): Promise<void> {
  using scratch = tempFolder("apt");
  const archive = await findArchive({ exec }, suite);
  await openApt({ exec, env: process.env }, archive, scratch.path, AbortSignal.timeout(120_000));
  const shown = await exec(["apt-cache", "show", "--no-all-versions", ...packages], {
    env: { APT_CONFIG: `${scratch.path}/apt.conf` },
  });
  const text = new TextDecoder().decode(shown.stdout);
  const versions = [...text.matchAll(/^Package: (\S+)$[\s\S]*?^Version: (\S+)$/gm)].map(
    ([, name, version]) => `${name}=${version}`,
  );
  writeFileSync(join(folder, "list"), versions.join("\n"));
}
