/** The test host's root file system, built from packages as an ordinary user, and kept as one squashfs. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { bootstrap } from "../../hosts/bootstrap.ts";
import { kept, keyOf } from "../../hosts/kept.ts";
import { versionsOfToday } from "../../hosts/versions.ts";

/** What the product runs, and what its tests look at the host with. */
const packages: readonly string[] = [
  "qemu-system-x86",
  "passt",
  "e2fsprogs",
  "iproute2",
  "kmod",
  "procps",
  "acl",
  "strace",
];

/** Packages whose version decides what is tested. */
const decisive: readonly string[] = ["qemu-system-x86", "passt"];

/** Path of the squashfs. @throws when the archive is out of reach and none was made before */
export async function ensureRootfs(): Promise<string> {
  const versions = await versionsOfToday("host", decisive);
  const folder = await kept(`host-root-${keyOf([...versions, ...packages], [import.meta.path])}`, make);
  return join(folder, "root.sqfs");
}

async function make(folder: string): Promise<void> {
  const output = join(folder, "root.sqfs");
  await bootstrap(packages, ["sqfstar", "-comp", "lz4", "-no-progress", output], folder);
  if (statSync(output).size < 50_000_000) throw new Error(`${output} is too small for a Debian system`);
}
