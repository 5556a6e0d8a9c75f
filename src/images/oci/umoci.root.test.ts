/** Our conversion gives the same tree as `umoci unpack` of the same image. */

import { expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import type { ImageName } from "../../base/names.ts";
import type { TarEntry } from "../../formats/tar/header.ts";
import { archive, type Member } from "../../formats/tar/testing/archive.ts";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import { pathsOf } from "../../model/paths.ts";
import { withUnion } from "../open-union.ts";
import { openArchive } from "../rootfs/open.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { listFolder, listUnion } from "../testing/listing.ts";
import { type LayoutOptions, writeLayout } from "../testing/oci-layout.ts";
import { importArchive } from "./archive.ts";

const why = gate("root") ?? gate("tool:umoci");
const never = new AbortController().signal;
const time = 1_600_000_000;

function entry(name: string, changes: Partial<TarEntry> = {}, content?: string): Member {
  const bytes = content === undefined ? undefined : new Uint8Array(Buffer.from(content, "latin1"));
  const plain: TarEntry = {
    name,
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: bytes?.length ?? 0,
    mtime: time,
    link: "",
  };
  return { entry: { ...plain, ...changes }, ...(bytes ? { content: bytes } : {}) };
}
const folder = (name: string, changes: Partial<TarEntry> = {}) =>
  entry(name, { kind: "folder", mode: 0o755, ...changes });
const link = (name: string, to: string) => entry(name, { kind: "hardlink", link: to });
const symlink = (name: string, to: string) => entry(name, { kind: "symlink", mode: 0o777, link: to });

const capability = "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
const base = [
  folder("./", { mode: 0o751 }),
  folder("bin", { mtime: 5 }),
  entry("bin/sh", { mode: 0o4755 }, "#!shell"),
  entry("bin/ping", { mode: 0o755, xattrs: new Map([["security.capability", capability]]) }, "ping"),
  folder("etc"),
  entry("etc/passwd", {}, "root:x:0:0::/root:/bin/sh\n"),
  entry(
    "etc/attributes",
    {
      xattrs: new Map([
        ["user.note", "caf\xc3\xa9\nline"],
        ["trusted.x", "\x00\xff"],
      ]),
    },
    "x",
  ),
  folder("tmp", { mode: 0o1777, uid: 7, gid: 8 }),
  entry("big-ids", { uid: 3_000_000, gid: 100_000 }, "ids"),
  entry("old", { mtime: 0 }, ""),
  folder(`long-${"x".repeat(120)}`),
  entry(`long-${"x".repeat(120)}/${"y".repeat(200)}`, {}, "long"),
  symlink("a-link", `../${"z".repeat(150)}`),
  folder("dev"),
  entry("dev/null", { kind: "character", mode: 0o666, device: { major: 1, minor: 3 } }),
  entry("dev/loop", { kind: "block", mode: 0o600, device: { major: 7, minor: 300 } }),
  entry("dev/pipe", { kind: "fifo", mode: 0o600 }),
  folder("d"),
  entry("d/one", {}, "one"),
  link("d/two", "d/one"),
  link("hard", "./d/one"),
  folder("gone"),
  entry("gone/a", {}, "a"),
  folder("kept"),
  entry("kept/removed", {}, "r"),
  entry("kept/stays", {}, "s"),
  folder("emptied"),
  entry("emptied/old", {}, "o"),
  folder("emptied/deep"),
  entry("was-file", {}, "f"),
  folder("was-folder"),
  entry("was-folder/x", {}, "x"),
  folder("usr"),
  folder("usr/lib", { mode: 0o2755, gid: 50 }),
  entry("usr/lib/libc", {}, "libc"),
  symlink("lib", "usr/lib"),
  folder("owned", { mode: 0o700, uid: 33, gid: 44 }),
  entry("caf\xe9-latin1", {}, "bytes that are no UTF-8"),
  entry("zeros", {}, "\0".repeat(300_000)),
];
const changes = [
  // a whiteout, an opaque folder, a folder in place of a file and the other way round
  entry(".wh.gone"),
  folder("kept"),
  entry("kept/.wh.removed"),
  folder("emptied", { mode: 0o711 }),
  entry("emptied/new", {}, "n"),
  entry("emptied/.wh..wh..opq"),
  folder("was-file"),
  entry("was-file/inside", {}, "i"),
  entry("was-folder", {}, "now a file"),
  entry("d/three", {}, "three"),
];
const late = [
  // parents that only lower layers describe, one of them a symlink there
  entry("owned/deep/er/file", {}, "deep"),
  entry("lib/added", {}, "through the link"),
  link("d/four", "d/one"),
  folder("gone", { mode: 0o500 }),
  entry("gone/b", {}, "back again"),
  entry("usr/lib/.wh.libc"),
];

/** Folders that no layer describes get a different time from each program. */
const undescribed = new Set(["owned", "owned/deep", "owned/deep/er"]);

async function imported(
  layout: string,
  temp: string,
): Promise<{ record: ImageRecord; lines: Awaited<ReturnType<typeof listUnion>> }> {
  const paths = pathsOf({ state: temp, cache: `${temp}/c`, config: temp, runtime: temp });
  const deps = imageDeps(paths);
  const stdin = (async function* () {})();
  const { tar, source } = await openArchive(layout, { stdin, uid: 0, cage: realCage(), signal: never });
  const upload = { tar, source, name: "x" as ImageName, fallback: null };
  const [record] = await importArchive(deps, upload, () => {}, never);
  expect(readdirSync(paths.partial)).toEqual([]);
  return { record: record as ImageRecord, lines: await withUnion(paths, (record as ImageRecord).layers, listUnion) };
}

async function compared(layers: readonly Member[][], options: LayoutOptions): Promise<ImageRecord> {
  using temp = tempFolder();
  const layout = `${temp.path}/layout`;
  writeLayout(
    layout,
    layers.map((members) => archive(members)),
    options,
  );
  const bundle = `${temp.path}/bundle`;
  const unpacked = Bun.spawnSync(["umoci", "unpack", "--image", `${layout}:latest`, bundle]);
  expect(unpacked.exitCode, unpacked.stderr.toString()).toBe(0);
  mkdirSync(`${temp.path}/c`);
  const { record, lines } = await imported(layout, temp.path);
  const same = (line: (typeof lines)[number]) => (undescribed.has(line.path) ? { ...line, mtime: 0 } : line);
  expect(lines.map(same)).toEqual(listFolder(`${bundle}/rootfs`).map(same));
  return record;
}

for (const compress of ["gzip", "none"] as const) {
  test.skipIf(why !== null)(`one layer, ${compress}${why ? ` (${why})` : ""}`, async () => {
    const record = await compared([base], { compress });
    expect(record.layers.map((layer) => layer.root)).toEqual([{ mode: 0o751, uid: 0, gid: 0 }]);
    expect(record).toMatchObject({ init: "none", shell: true });
  });
}

test.skipIf(why !== null)(
  `whiteouts, opaque folders, links and parents across layers${why ? ` (${why})` : ""}`,
  async () => {
    await compared([base, changes, late], {});
  },
);

test.skipIf(why !== null)(`thirty layers become ten and look the same${why ? ` (${why})` : ""}`, async () => {
  const more = Array.from({ length: 27 }, (_, i) => [
    folder("n"),
    entry(`n/${i}`, {}, `${i}`.repeat(1000)),
    ...(i > 3 ? [entry(`n/.wh.${i - 3}`)] : []),
    ...(i === 20 ? [folder("d"), entry("d/.wh..wh..opq"), entry("d/fresh", {}, "f")] : []),
  ]);
  const record = await compared([base, changes, late, ...more], {});
  expect(record.layers).toHaveLength(10);
});
