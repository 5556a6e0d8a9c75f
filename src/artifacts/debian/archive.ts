/** Which Debian archive this host downloads from, with which keyring and proxy. */
import { fail } from "../../base/errors/error.ts";
import { exists, listFolder, readText } from "../../host/files/files.ts";
import type { Exec } from "../../host/process/exec.ts";
import { stdoutText } from "../tools.ts";
import { type AptOption, neededOptions } from "./options.ts";
import { type DebianMirror, mirrorsOf, publicMirrors } from "./sources.ts";

export type DebianArchive = {
  mirrors: DebianMirror[];
  /** file on the host; it has the same path in a Debian system */
  keyring: string;
  options: AptOption[];
};

export type ArchiveDeps = { exec: Exec /** folder that stands for `/` in tests */; root?: string };

export const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Its name in newer releases of the keyring package. */
const otherKeyrings = ["/usr/share/keyrings/debian-archive-keyring.pgp"];

/** @throws RECIPE_UNAVAILABLE without Debian's keyring, TOOL_MISSING without apt */
export async function findArchive(deps: ArchiveDeps, suite: string): Promise<DebianArchive> {
  const [keyring, files, dump] = await Promise.all([
    findKeyring(deps.root ?? ""),
    readSources(deps.root ?? ""),
    deps.exec(["apt-config", "dump"]),
  ]);
  const own = mirrorsOf(files, suite);
  return {
    mirrors: own.length > 0 ? own : publicMirrors(suite),
    keyring,
    options: neededOptions(stdoutText(dump)),
  };
}

async function findKeyring(root: string): Promise<string> {
  for (const path of [debianKeyring, ...otherKeyrings]) if (await exists(root + path)) return path;
  throw fail("RECIPE_UNAVAILABLE", {
    reason: "Debian's archive keyring is not on this host, so packages can't be verified",
    next: "install the package debian-archive-keyring (Fedora: debian-keyring)",
  });
}

async function readSources(root: string): Promise<{ name: string; text: string }[]> {
  const folder = "/etc/apt/sources.list.d";
  const listed = (await exists(root + folder)) ? (await listFolder(root + folder)).toSorted() : [];
  const names = ["/etc/apt/sources.list", ...listed.map((name) => `${folder}/${name}`)];
  const read = names
    .filter((name) => /\.(?:list|sources)$/.test(name))
    .map(async (name) => ((await exists(root + name)) ? [{ name, text: await readText(root + name) }] : []));
  return (await Promise.all(read)).flat();
}
