/** Changes as a unified patch, as `git apply` takes it. */
import { byteTextOf, readBeneath } from "../../host/files/tree.ts";
import type { OpenRepository } from "../open-repository.ts";
import type { Change } from "./changes.ts";
import { presentAt } from "./host-file.ts";
import type { HostRepository } from "./host-repository.ts";
import { isSame, type TreeFile } from "./sent.ts";

/** of a host's file that is read for a patch, in bytes */
const largestBase = 256 * 1024 * 1024;

export type Patch = {
  bytes: Uint8Array;
  /** paths whose old content nobody has any more: shown as new files */
  withoutBase: string[];
};

/** @param renames whether a deleted and a new file with like content are shown as one renamed file */
export async function patchOf(host: HostRepository, changes: readonly Change[], renames: boolean): Promise<Patch> {
  const withoutBase: string[] = [];
  const from = new Map<string, TreeFile>();
  const to = new Map<string, TreeFile>();
  const missing = await missingOf(host.open, changes);
  for (const change of changes) {
    if (change.to !== null) to.set(change.path, change.to);
    if (change.from === null) continue;
    if (!missing.has(change.from.oid) || (await takeBase(host, change.path, change.from)))
      from.set(change.path, change.from);
    else withoutBase.push(change.path);
  }
  const [old, young] = [await treeOf(host.open, from), await treeOf(host.open, to)];
  const options = ["-r", "-p", "--full-index", "--binary", "--no-color", "--no-ext-diff", "--no-textconv"];
  const { stdout } = await host.open.git(["diff-tree", ...options, renames ? "-M" : "--no-renames", old, young]);
  return { bytes: stdout, withoutBase };
}

async function missingOf({ git }: OpenRepository, changes: readonly Change[]): Promise<Set<string>> {
  const oids = [...new Set(changes.flatMap(({ from }) => (from === null ? [] : [from.oid])))];
  if (oids.length === 0) return new Set();
  const { stdout } = await git(["cat-file", "--batch-check=%(objectname)"], {
    input: oids.map((oid) => `${oid}\n`).join(""),
  });
  return new Set(
    [
      ...Buffer.from(stdout)
        .toString("latin1")
        .matchAll(/^(\S+) missing$/gm),
    ].map(([, oid = ""]) => oid),
  );
}

/** Content that was sent and never committed is still in the work tree, unless it has changed there. */
async function takeBase({ open, sent }: HostRepository, path: string, from: TreeFile): Promise<boolean> {
  const root = byteTextOf(sent.root);
  const present = presentAt(root, path, sent.format);
  if (present === "other" || !isSame(present, from)) return false;
  const data = from.mode === "120000" ? null : readBeneath(root, path, largestBase);
  if (data === null) return false;
  const { stdout } = await open.git(["hash-object", "-w", "--no-filters", "--stdin"], { input: data });
  return Buffer.from(stdout).toString("latin1").trim() === from.oid;
}

/** A tree of those files in banger's own git directory. */
async function treeOf({ git, gitDir }: OpenRepository, files: ReadonlyMap<string, TreeFile>): Promise<string> {
  const lines = [...files].map(([path, { mode, oid }]) => `${mode} ${oid}\t${path}\0`).join("");
  await git(["read-tree", "--empty"]);
  await git(["update-index", "-z", "--index-info"], { input: Buffer.from(lines, "latin1") });
  const { stdout } = await git(["write-tree", "--missing-ok"]);
  const oid = Buffer.from(stdout).toString("latin1").trim();
  if (oid === "") throw new RangeError(`git write-tree printed nothing in ${gitDir}`);
  return oid;
}
