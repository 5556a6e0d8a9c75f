/** The test host's root file system, built from packages as an ordinary user, and kept as one squashfs. */
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findArchive } from "../../../src/artifacts/debian/archive.ts";
import { networkEnv } from "../../../src/artifacts/debian/network-env.ts";
import { createExec } from "../../../src/host/process/exec-node.ts";
import { tempFolder } from "../../../src/host/testing/temp.ts";
import { proxyEnv } from "../../../src/images/debian/mmdebstrap.ts";
import { testRoot } from "../../e2e/home.ts";
import { kept, keyOf } from "./cache.ts";
import { archiveVersions, bootstrapArgv, bootstrapSources, packages, suite } from "./packages.ts";

const recipe = join(import.meta.dirname, "packages.ts");
const exec = createExec(process.env as Record<string, string>);

/** Path of the squashfs. @throws when the archive is out of reach and none was made before */
export async function ensureRootfs(): Promise<string> {
  const versions = await versionsOfToday();
  const folder = await kept(`host-root-${keyOf([...versions, ...packages], [recipe])}`, make);
  return join(folder, "root.sqfs");
}

/** The archive is asked once a day; without it, what the last day had is good enough. */
async function versionsOfToday(): Promise<string[]> {
  const day = new Date().toISOString().slice(0, 10);
  const noted = (name: string) => readFileSync(join(testRoot, name, "list"), "utf8").split("\n");
  try {
    return noted((await kept(`host-versions-${day}`, noteVersions)).slice(testRoot.length + 1));
  } catch (error) {
    const last = globSync("host-versions-*", { cwd: testRoot }).sort().at(-1);
    if (last === undefined || !existsSync(join(testRoot, last, "list"))) throw error;
    console.log(`the archive can't be asked, so the host of ${last.slice("host-versions-".length)} is used: ${error}`);
    return noted(last);
  }
}

async function noteVersions(folder: string): Promise<void> {
  using scratch = tempFolder("apt");
  const versions = await archiveVersions(exec, await findArchive({ exec }, suite), scratch.path);
  writeFileSync(join(folder, "list"), versions.join("\n"));
}

async function make(folder: string): Promise<void> {
  const archive = await findArchive({ exec }, suite);
  const env = { ...process.env, ...networkEnv(process.env), ...proxyEnv(archive), TMPDIR: "/var/tmp" };
  const bootstrap = Bun.spawn(bootstrapArgv(archive, process.getuid?.() ?? 0), {
    env,
    stdin: new TextEncoder().encode(bootstrapSources(archive)),
    stderr: Bun.file(join(folder, "log")),
  });
  const output = join(folder, "root.sqfs");
  const pack = Bun.spawn(["sqfstar", "-comp", "lz4", "-no-progress", output], {
    stdin: bootstrap.stdout,
    stdout: "ignore",
    stderr: Bun.file(join(folder, "pack-log")),
  });
  const ended = await Promise.all([bootstrap.exited, pack.exited]);
  if (ended.some((status) => status !== 0))
    throw new Error(`mmdebstrap and sqfstar ended with ${ended}: ${said(folder)}`);
  if (statSync(output).size < 50_000_000) throw new Error(`${output} is too small for a Debian system`);
}

function said(folder: string): string {
  return ["log", "pack-log"].map((name) => readFileSync(join(folder, name), "utf8").slice(-2000)).join("\n");
}
