/** What the test host is made of: Debian's packages, and which versions of them the archive has. */
import { openApt } from "../../../src/artifacts/debian/apt.ts";
import type { DebianArchive } from "../../../src/artifacts/debian/archive.ts";
import { sourcesFile } from "../../../src/artifacts/debian/sources.ts";
import type { Exec } from "../../../src/host/process/exec.ts";
import { mmdebstrapArgv } from "../../../src/images/debian/mmdebstrap.ts";

export const suite = "bookworm";

/** What the product runs, and what its tests look at the host with. */
export const packages: readonly string[] = [
  "qemu-system-x86",
  "passt",
  "e2fsprogs",
  "iproute2",
  "kmod",
  "procps",
  "acl",
  "strace",
];

/** Packages whose version decides what is tested: another one is another host. */
const decisive: readonly string[] = ["qemu-system-x86", "passt"];

/** `name=version` of each decisive package, as the archive has it now. @param folder a scratch folder that the caller removes */
export async function archiveVersions(exec: Exec, archive: DebianArchive, folder: string): Promise<string[]> {
  await openApt({ exec, env: process.env }, archive, folder, AbortSignal.timeout(120_000));
  const shown = await exec(["apt-cache", "show", "--no-all-versions", ...decisive], {
    env: { APT_CONFIG: `${folder}/apt.conf` },
  });
  const text = new TextDecoder().decode(shown.stdout);
  return [...text.matchAll(/^Package: (\S+)$[\s\S]*?^Version: (\S+)$/gm)].map(
    ([, name, version]) => `${name}=${version}`,
  );
}

/** As the product builds its image, with other packages. Reads `bootstrapSources` from stdin, and writes a tar. */
export function bootstrapArgv(archive: DebianArchive, uid: number): string[] {
  const argv = mmdebstrapArgv(archive, suite, uid);
  return argv.map((word) => (word.startsWith("--include=") ? `--include=${packages.join(",")}` : word));
}

export function bootstrapSources(archive: DebianArchive): string {
  return sourcesFile(archive.mirrors, archive.keyring);
}
