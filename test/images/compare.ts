/** Unpacks each case by us and by other programs, and says where the trees differ. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { ImageName } from "../../src/base/names.ts";
import { realCage } from "../../src/host/testing/tool-cage.ts";
import { importRootfs } from "../../src/images/import.ts";
import { importArchive } from "../../src/images/oci/archive.ts";
import { withUnion } from "../../src/images/open-union.ts";
import { openArchive, openRootfs } from "../../src/images/rootfs/open.ts";
import { imageDeps } from "../../src/images/testing/image-deps.ts";
import { type Line, listFolder, listUnion } from "../../src/images/testing/listing.ts";
import { writeLayout } from "../../src/images/testing/oci-layout.ts";
import { pathsOf } from "../../src/model/paths.ts";
import type { Case, Tool } from "./corpus.ts";

export type Comparison = {
  name: string;
  tool: Tool;
  /** `same`; else what differs first, or how one of both refused it */
  outcome: string;
  /** why, from the corpus; null: nobody says */
  why: string | null;
};

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

/** @param folder private and empty */
export async function compareAll(
  cases: readonly Case[],
  against: readonly Tool[],
  folder: string,
): Promise<Comparison[]> {
  const rows: Comparison[] = [];
  for (const [at, one] of cases.entries()) {
    const place = `${folder}/${at}`;
    mkdirSync(place);
    for (const tool of against.filter((each) => each === "umoci" || one.layers.length === 1)) {
      const ours = await linesOr(() => (tool === "umoci" ? ourImage(one, place) : ourRootfs(one, place)));
      const theirs = await linesOr(async () => listFolder(unpackedBy(tool, one, place)));
      rows.push({ name: one.name, tool, outcome: outcomeOf(ours, theirs), why: one.differs?.[tool] ?? null });
    }
    Bun.spawnSync(["chmod", "-R", "u+rwx", place]);
    rmSync(place, { recursive: true, force: true });
  }
  return rows;
}

type Lines = Line[] | { refused: string };

async function linesOr(make: () => Promise<Line[]>): Promise<Lines> {
  return make().catch((error: Error) => ({ refused: error.message.slice(0, 160) }));
}

async function ourImage(one: Case, place: string): Promise<Line[]> {
  writeLayout(`${place}/layout`, one.layers, { compress: "gzip" });
  const { tar, source } = await openArchive(`${place}/layout`, opening());
  const deps = imageDeps(ourPaths(place));
  const [record] = await importArchive(deps, { tar, source, name: "x" as ImageName, fallback: null }, () => {}, never);
  return withUnion(deps.paths, record?.layers ?? [], listUnion);
}

async function ourRootfs({ layers: [tar] }: Case, place: string): Promise<Line[]> {
  writeFileSync(`${place}/rootfs.tar`, tar as Uint8Array);
  const opened = await openRootfs(`${place}/rootfs.tar`, opening());
  const deps = imageDeps(ourPaths(place));
  const record = await importRootfs(deps, { name: "x", ...opened, isSpooled: true }, () => {}, never);
  return withUnion(deps.paths, record.layers, listUnion);
}

function ourPaths(place: string) {
  const own = `${place}/own-${readdirSync(place).length}`;
  return pathsOf({ state: own, cache: own, config: own, runtime: own });
}

function opening() {
  return { stdin: (async function* () {})(), uid: 0, cage: realCage(), signal: never };
}

/** Its folder. @throws what it says */
function unpackedBy(tool: Tool, { layers }: Case, place: string): string {
  const folder = `${place}/${tool}`;
  if (tool === "umoci") {
    if (!existsSync(`${place}/layout`)) writeLayout(`${place}/layout`, layers, { compress: "gzip" });
    run(["umoci", "unpack", ...(isRoot ? [] : ["--rootless"]), "--image", `${place}/layout:latest`, folder]);
    return `${folder}/rootfs`;
  }
  mkdirSync(folder);
  run([tool, "-x", "-p", "-C", folder, "-f", `${place}/rootfs.tar`]);
  return folder;
}

function run(argv: string[]): void {
  const ended = Bun.spawnSync(argv, { stdout: "ignore" });
  if (ended.exitCode !== 0) throw new Error(ended.stderr.toString().trim().split("\n").at(-1) ?? "");
}

function outcomeOf(ours: Lines, theirs: Lines): string {
  if ("refused" in ours) return "refused" in theirs ? "same" : `we refuse: ${ours.refused}`;
  if ("refused" in theirs) return `it refuses: ${theirs.refused}`;
  const [mine, its] = [ours.map(shown), theirs.map(shown)];
  const at = Math.max(mine.length, its.length);
  for (let i = 0; i < at; i++) if (mine[i] !== its[i]) return `we: ${mine[i] ?? "nothing"}; it: ${its[i] ?? "nothing"}`;
  return "same";
}

/** Folders that nobody describes get the time of their making; an ordinary user can't give files away. */
function shown({ path, kind, mode, owner, mtime, rest, xattrs }: Line): string {
  const time = kind === "folder" || kind === "symlink" ? "" : mtime;
  return [path, kind, mode, isRoot ? owner : "", time, rest, isRoot ? xattrs : ""].join(" ");
}
