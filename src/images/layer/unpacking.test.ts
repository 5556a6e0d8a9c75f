/** Layers that are unpacked in memory: what becomes of each entry. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { type TarEntry, TarError } from "../../formats/tar/header.ts";
import { completeLayer, type Lower } from "./completion.ts";
import { type EntryRules, LayerEntries, NeedsSecondRead } from "./entries.ts";
import { lowerWith } from "./testing/lower.ts";
import { resultOf } from "./unpacked.ts";
import { Unpacking } from "./unpacking.ts";

function entry(name: string, changes: Partial<TarEntry> = {}): TarEntry {
  return { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1, link: "", ...changes };
}
const folder = (name: string, changes: Partial<TarEntry> = {}) =>
  entry(name, { kind: "folder", mode: 0o755, ...changes });
const link = (name: string, to: string) => entry(name, { kind: "hardlink", link: to });
const symlink = (name: string, to: string) => entry(name, { kind: "symlink", link: to });

/** One line for each name: the number of the entry that it has, what it links to, or what is special about a folder. */
async function unpacked(
  list: readonly TarEntry[],
  lower: Lower | null = null,
  taking: EntryRules = {},
): Promise<string[]> {
  const unpacking = new Unpacking(lower, taking);
  for (const one of list) await unpacking.apply(one);
  await unpacking.finish();
  const made = await resultOf(unpacking.tree, lower);
  const lines = [...made.placed].map(([number, name]) => `${name} #${number}`);
  for await (const { entry: one } of made.additions) lines.push(lineOf(one));
  return lines.sort();
}

function lineOf({ name, kind, link: to, xattrs, device }: TarEntry): string {
  if (kind === "hardlink") return `${name} = ${to}`;
  if (kind === "folder") return `${name}/${xattrs?.has("trusted.overlay.opaque") ? " opaque" : ""}`;
  return device ? `${name} removed` : `${name} from below`;
}

const cases: [name: string, list: TarEntry[], lines: string[]][] = [
  ["the last of a name counts", [entry("a"), entry("a")], ["a #2"]],
  ["a link keeps what it linked to", [entry("a"), link("b", "a"), entry("a")], ["a #3", "b #1"]],
  [
    "a file in place of a folder takes all of it away",
    [folder("d"), entry("d/f"), link("k", "d/f"), entry("d")],
    ["d #4", "k #2"],
  ],
  ["a folder in place of a file", [entry("x"), folder("x"), entry("x/f")], ["x/ opaque", "x/f #3"]],
  ["through a symlink", [folder("d"), symlink("l", "d"), entry("l/f")], ["d/", "d/f #3", "l #2"]],
  ["through one that climbs out", [symlink("l", "/../../d"), entry("l/f")], ["d/", "d/f #2", "l #1"]],
  ["a link through a symlink", [entry("d/f"), symlink("l", "d"), link("h", "l/f")], ["d/", "d/f = h", "h #1", "l #2"]],
  ["a link to itself, where it is a file already", [entry("a"), link("a", "a"), link("b", "a")], ["a #1", "b = a"]],
  ["a link before its target", [link("b", "a"), entry("a")], ["a #2", "b = a"]],
  [
    "what aufs keeps apart",
    [folder(".wh..wh.plnk"), entry(".wh..wh.plnk/1"), link("a", ".wh..wh.plnk/1"), link("b", ".wh..wh.plnk/1")],
    ["a #2", "b = a"],
  ],
];
for (const [name, list, lines] of cases) {
  test(name, async () => {
    expect(await unpacked(list)).toEqual(lines);
  });
}

test("above other layers, paths follow their symlinks, and replaced files are hidden", async () => {
  const lower = lowerWith({
    d: { kind: "folder", mode: 0o700 },
    "d/old": {},
    "d/x": { file: "1" },
    "d/y": { file: "1" },
    l: { kind: "symlink", link: "/d" },
  });
  expect(await unpacked([entry("l/f")], lower)).toEqual(["d/", "d/f #1"]);
  expect(await unpacked([entry("l/.wh.old")], lower)).toEqual(["d/", "d/old removed"]);
  expect(await unpacked([entry("l/.wh..wh..opq"), entry("l/f")], lower)).toEqual(["d/ opaque", "d/f #2"]);
  expect(await unpacked([entry("d"), folder("d"), entry("d/f")], lower)).toEqual(["d/ opaque", "d/f #3"]);
  expect(await unpacked([entry("d/.wh.old"), entry("d/old")], lower)).toEqual(["d/", "d/old #2"]);
  expect(await unpacked([entry("d/old/.wh.f"), entry("z"), entry("z")], lower)).toEqual(["z #3"]);
  expect(await unpacked([link("h", "l/x")], lower)).toEqual(["d/", "d/x = h", "d/y = h", "h from below"]);
});

test("a link to a symlink of the layers below leads where that does", async () => {
  const lower = lowerWith({ d: { kind: "folder" }, l: { kind: "symlink", link: "d", file: "1" } });
  expect(await unpacked([link("h", "l"), entry("h/f")], lower)).toEqual(["d/", "d/f #2", "h from below", "l = h"]);
});

test("a folder goes with the marks in it when it is removed itself", async () => {
  const lower = lowerWith({ d: { kind: "folder" }, "d/e": { kind: "folder" }, "d/e/f": {} });
  expect(await unpacked([entry("d/e/.wh.f"), entry(".wh.d")], lower)).toEqual(["d removed"]);
  const marked = [entry("d/e/.wh.f"), entry("d/g"), entry(".wh.d")];
  expect(await unpacked(marked, lower)).toEqual(["d/ opaque", "d/g #2"]);
});

test("a mark below what is no folder removes nothing", async () => {
  const lower = lowerWith({ x: {}, d: { kind: "folder" }, "d/e": { kind: "folder" }, "d/e/f": {} });
  for (const mark of [".wh.y", ".wh..wh..opq"]) {
    const marks = [entry("a"), ...["x", "none", "a"].map((parent) => entry(`${parent}/${mark}`))];
    expect(await unpacked(marks, lower)).toEqual(["a #1"]);
  }
  for (const hidden of [entry(".wh.d"), entry(".wh..wh..opq"), entry("d")]) {
    const once = await unpacked([hidden], lower);
    expect(await unpacked([hidden, entry("d/e/.wh.f")], lower)).toEqual(once);
  }
});

test("refused: files below files, links to folders, to themselves, to nothing, and in circles", async () => {
  const circle = [symlink("a", "b"), symlink("b", "a")];
  for (const list of [
    [entry("a"), entry("a/b")],
    [folder("d"), link("a", "d")],
    [link("a", "a")],
    [symlink("l", "d"), link("l/a", "d/a")],
    [link("a", "nothing")],
    [link("a", "b"), link("b", "a")],
    // aufs keeps content in files below its folders, and nowhere else
    [entry(".wh..wh.aufs"), link("a", ".wh..wh.aufs")],
    [folder(".wh..wh.plnk/d"), link("a", ".wh..wh.plnk/d")],
    [...circle, entry("a/x")],
  ]) {
    await expect(unpacked(list)).rejects.toThrow(TarError);
  }
});

test("in a tree, a name like a whiteout's is an ordinary name", async () => {
  const list = [entry(".wh.a"), entry("a"), entry("a")];
  expect(await unpacked(list, null, { as: "tree" })).toEqual([".wh.a #1", "a #3"]);
});

const device = (name: string, minor = 0) => entry(name, { kind: "character", device: { major: 0, minor } });
const emptied = (name: string) => folder(name, { xattrs: new Map([["trusted.overlay.opaque", "y"]]) });

test("overlayfs's marks hide in what a VM changed, are data in data, and are dropped everywhere else", async () => {
  const lower = lowerWith({ d: { kind: "folder" }, "d/old": {}, x: {} });
  const marks = [device("x"), emptied("d"), device("d/other", 3)];
  const rest = ["d/other #3"];
  expect(await unpacked(marks, lower, { as: "changes" })).toEqual(["d/ opaque", ...rest, "x removed"]);
  expect(await unpacked(marks, lower, { as: "data" })).toEqual(["d/ opaque", ...rest, "x #1"]);
  for (const as of ["layer", "tree"] as const) expect(await unpacked(marks, lower, { as })).toEqual(["d/", ...rest]);
});

test("a link to what is left out is left out, until the name is something else", async () => {
  expect(await unpacked([device("x"), link("y", "x"), link("z", "y")])).toEqual([]);
  expect(await unpacked([device("x"), entry("x"), link("y", "x")])).toEqual(["x #2", "y = x"]);
});

test("a name of its own is kept in place of an early link, and whatever is removed below it", async () => {
  expect(await unpacked([link("b", "a"), entry("b"), entry("a")])).toEqual(["a #3", "b #2"]);
  const lower = lowerWith({ d: { kind: "folder" }, "d/old": { kind: "folder" }, x: {} });
  expect(await unpacked([entry("x"), entry(".wh.x")], lower)).toEqual(["x #1"]);
  const again = [entry("d/.wh.old"), folder("d/old"), entry("d/old/f")];
  expect(await unpacked(again, lower)).toEqual(["d/", "d/old/ opaque", "d/old/f #3"]);
});

test("a folder that is left out when empty is kept once something is in it", async () => {
  const taking: EntryRules = { unlessEmpty: "d" };
  expect(await unpacked([folder("d"), entry("a"), entry("a")], null, taking)).toEqual(["a #3"]);
  expect(await unpacked([folder("d"), entry("dd/f"), entry("dd/f")], null, taking)).toEqual(["dd/", "dd/f #3"]);
  expect(await unpacked([folder("d"), entry("d/f")], null, taking)).toEqual(["d/", "d/f #2"]);
});

test("a layer that can be packed as it arrives gives the same result when unpacked first", async () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "c", ".wh.a", ".wh..wh..opq"), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join("/"))
    // an opaque root hides all layers below
    .filter((path) => path !== ".wh..wh..opq");
  const kind = fc.constantFrom("file", "folder", "symlink", "hardlink");
  const one = fc.record({ name, kind, link: name }).map((some) => entry(some.name, some as Partial<TarEntry>));
  const lower = lowerWith({ a: { kind: "folder" }, "a/b": { size: 3 }, "a/c": { kind: "folder" }, c: {} });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 10 }), fc.boolean(), async (list, isAbove) => {
      const below = isAbove ? lower : null;
      const direct = await asItComes(list, below);
      const first = direct && (await unpacked(list, below).catch(() => null));
      if (direct && first) expect(seen(first, isAbove)).toEqual(seen(direct, isAbove));
    }),
    { numRuns: runs(3000) },
  );
});

/** What a guest sees: which name of a file is the others' target makes no difference, nor does hiding what is not there. */
function seen(lines: readonly string[], isAbove: boolean): string[] {
  const files = new Map(pairsOf(lines));
  const rootOf = (name: string): string => {
    const what = files.get(name) ?? "";
    return what.startsWith("= ") ? rootOf(what.slice(2)) : name;
  };
  const isEmptied = isAbove && lines.includes("a/ opaque");
  return lines
    .map((line) => {
      const name = line.split(" ", 1)[0] as string;
      if (!files.has(name)) return keepsOpaque(name, isAbove, isEmptied) ? line : line.replace(" opaque", "");
      const root = rootOf(name);
      const group = [...files.keys()].filter((other) => rootOf(other) === root).sort();
      return `${group.join(" = ")} ${files.get(root)}`;
    })
    .sort();
}

function pairsOf(lines: readonly string[]): [string, string][] {
  const found = lines.map((line) => /^(\S+) (= .*|#.*|from below)$/.exec(line));
  return found.flatMap((match) => (match ? [[match[1] as string, match[2] as string]] : []));
}

function keepsOpaque(name: string, isAbove: boolean, isEmptied: boolean): boolean {
  return isAbove && (name === "a/" || (name === "a/c/" && !isEmptied));
}

/** Null where it is refused, or has to be unpacked. */
async function asItComes(list: readonly TarEntry[], lower: Lower | null): Promise<string[] | null> {
  try {
    const entries = new LayerEntries();
    const lines: string[] = [];
    for (const [at, one] of list.entries()) {
      const passed = entries.take(one);
      if (passed) lines.push(passed.kind === "hardlink" ? lineOf(passed) : `${passed.name} #${at + 1}`);
    }
    for await (const { entry: one } of (await completeLayer(entries, lower)).additions) lines.push(lineOf(one));
    return lines.sort();
  } catch (error) {
    if (error instanceof TarError || error instanceof NeedsSecondRead) return null;
    throw error;
  }
}
