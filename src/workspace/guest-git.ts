/** The guest's `.git` as plan entries: files written by banger, a copy of the index, and one pack. */
import { parentsOf } from "../base/parents.ts";
import { byteTextOf, listNames, lookAt, readBeneath, realPath } from "../host/files/tree.ts";
import { userExcludes } from "./excludes.ts";
import { userAttributes } from "./filters.ts";
import { guestConfig } from "./guest-config.ts";
import type { History } from "./history.ts";
import { under } from "./names.ts";
import type { OpenRepository } from "./open-repository.ts";
import { packedRefs } from "./skeleton.ts";
import { guestWorkspace, type PlanEntry } from "./types.ts";

export type GuestGit = {
  open: OpenRepository;
  history: History;
  /** running or done; false when there is nothing to pack */
  packed: Promise<boolean>;
  /** Unix time in `ns`, for files that banger writes */
  now: bigint;
};

const maxSmallFile = 1024 * 1024;
const maxLogBytes = 16 * 1024 * 1024;

/** Entries of one repository's git directory, parents first. */
export async function* guestGitEntries(job: GuestGit): AsyncGenerator<PlanEntry, void, void> {
  const { open, now } = job;
  const at = open.guestGitDir;
  const folders = ["", "info", "objects", "objects/info", "objects/pack", "logs", "refs", "refs/heads", "refs/tags"];
  for (const name of folders) yield folderEntry(under(at, name), now);
  for (const name of new Set([...job.history.symbolic.keys()].flatMap(parentsOf))) {
    if (!folders.includes(name)) yield folderEntry(under(at, name), now);
  }
  for (const [name, data] of writtenFiles(job)) yield bytesEntry(under(at, name), data, now);
  for (const [name, max] of keptFiles) {
    const data = readKept(open, name, max);
    if (ofWorkUnderWay.test(name) && !job.history.withIndex) continue;
    if (data !== null) yield bytesEntry(under(at, name), data, now);
  }
  if (job.history.withIndex) yield* indexEntry(job);
  if (open.path !== "") yield bytesEntry(`${open.path}/.git`, text(`gitdir: ${upFrom(open.path)}${at}\n`), now);
  yield* packEntries(job);
}

/** The relative path from a submodule's folder to the top: one `../` for each component. */
function upFrom(path: string): string {
  return "../".repeat(path.split("/").length);
}

/** Rank below those in `info/attributes` and in the work tree, as on the host. */
const attributesName = "info/user-attributes";
/** Rank below `info/exclude`, as on the host. */
const excludesName = "info/user-excludes";

function writtenFiles({ open, history, now }: GuestGit): [name: string, data: Uint8Array][] {
  const { ref, oid } = history.start;
  const branches = [ref, open.refs.head.ref, ...history.refs.keys()].flatMap((name) =>
    name?.startsWith("refs/heads/") ? [name.slice(11)] : [],
  );
  const worktree = open.path === "" ? null : `${upFrom(open.guestGitDir)}${open.path}`;
  const attributes = userAttributes(open);
  const excludes = userExcludes(open);
  const pathOf = (name: string, data: string) => (data === "" ? null : `${guestWorkspace}/${open.guestGitDir}/${name}`);
  const config = guestConfig({
    settings: open.settings,
    branches: [...new Set(branches)],
    worktree,
    attributesFile: pathOf(attributesName, attributes),
    excludesFile: pathOf(excludesName, excludes),
  });
  const files: [string, Uint8Array][] = [
    ["HEAD", text(ref === null ? `${oid}\n` : `ref: ${ref}\n`)],
    ["config", text(config.text)],
    ["packed-refs", text(packedRefs({ all: history.refs }))],
  ];
  if (attributes !== "") files.push([attributesName, text(attributes)]);
  if (excludes !== "") files.push([excludesName, text(excludes)]);
  for (const [name, target] of history.symbolic) files.push([name, text(`ref: ${target}\n`)]);
  const log = ref === null && oid !== null ? detachedLog(open, oid, now) : null;
  if (log !== null) files.push(["logs/HEAD", text(log)]);
  if (history.shallow.length > 0) files.push(["shallow", text(`${history.shallow.join("\n")}\n`)]);
  return files;
}

/** `git status` reads from the last checkout in this log what HEAD is detached at: a tag's name, or the commit. */
function detachedLog(open: OpenRepository, oid: string, now: bigint): string | null {
  const log = Buffer.from(readKept(open, "logs/HEAD", maxLogBytes) ?? []).toString("latin1");
  const last = [...log.matchAll(/^[^\t\n]*\tcheckout: moving from \S+ to ([^\s\0]{1,200})$/gm)].at(-1)?.[1];
  if (last === undefined) return null;
  return `${"0".repeat(oid.length)} ${oid} banger <banger@localhost> ${now / 1_000_000_000n} +0000\tcheckout: moving from - to ${last}\n`;
}

/** Files of the repository's git directory that are sent unchanged, if they are regular files of a sensible size. */
const keptFiles: readonly (readonly [name: string, max: number])[] = [
  ["info/exclude", maxSmallFile],
  ["info/attributes", maxSmallFile],
  ["info/sparse-checkout", maxSmallFile],
  ["MERGE_HEAD", maxSmallFile],
  ["MERGE_MSG", maxSmallFile],
  ["MERGE_MODE", 1024],
  ["CHERRY_PICK_HEAD", 1024],
  ["REVERT_HEAD", 1024],
];
const ofWorkUnderWay = /^(?:MERGE|CHERRY_PICK|REVERT)_/;

function readKept(open: OpenRepository, name: string, max: number): Uint8Array | null {
  const { gitDir, commonDir } = open.repository;
  const shared = name === "info/exclude" || name === "info/attributes";
  try {
    return readBeneath(shared ? commonDir : gitDir, name, max);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** From banger's copy, which has no shared index; with the time of the host's index, which git's race check needs. */
function* indexEntry({ open, now }: GuestGit): Generator<PlanEntry, void, void> {
  const info = lookAt(`${open.repository.gitDir}/index`);
  const copy = lookAt(byteTextOf(`${open.gitDir}/index`));
  if (info === null || copy === null) return;
  const source = { kind: "disk", root: realPath(byteTextOf(open.gitDir)), path: "index" } as const;
  const mtimeNs = info.mtimeNs < now ? info.mtimeNs : now;
  yield {
    path: `${open.guestGitDir}/index`,
    kind: "file",
    mode: 0o644,
    size: copy.size,
    mtimeNs,
    origin: "git",
    source,
  };
}

/**
 * Where the pack for the guest is written: in the folder for git's temporary files. In a cage nothing can be moved to another folder
 * before Linux 5.19 (Landlock, version 1).
 */
export function packFolder(open: OpenRepository): string {
  return `${open.gitDir}/objects/pack`;
}

async function* packEntries(job: GuestGit): AsyncGenerator<PlanEntry, void, void> {
  if (!(await job.packed)) return;
  const root = realPath(byteTextOf(packFolder(job.open)));
  for (const name of listNames(root).filter((each) => /\.(?:pack|idx)$/.test(each))) {
    const size = lookAt(`${root}/${name}`)?.size ?? 0;
    const path = `${job.open.guestGitDir}/objects/pack/${name}`;
    yield {
      path,
      kind: "file",
      mode: 0o444,
      size,
      mtimeNs: job.now,
      origin: "git",
      source: { kind: "disk", root, path: name },
    };
    const promised = job.open.settings.promisor !== null && name.endsWith(".pack");
    if (promised) yield bytesEntry(path.replace(/pack$/, "promisor"), new Uint8Array(), job.now);
  }
}

function folderEntry(path: string, mtimeNs: bigint): PlanEntry {
  return { path, kind: "folder", mode: 0o755, size: 0, mtimeNs, origin: "git", source: { kind: "none" } };
}

function bytesEntry(path: string, data: Uint8Array, mtimeNs: bigint): PlanEntry {
  return {
    path,
    kind: "file",
    mode: 0o644,
    size: data.length,
    mtimeNs,
    origin: "git",
    source: { kind: "bytes", data },
  };
}

function text(byteText: string): Uint8Array {
  return Buffer.from(byteText, "latin1");
}
