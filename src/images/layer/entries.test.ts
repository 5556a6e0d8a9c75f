/** What a layer's entries become, and which layers are refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { type TarEntry, TarError } from "../../formats/tar/header.ts";
import { type Addition, completeLayer, type Lower, needsLowerLayers } from "./completion.ts";
import { LayerEntries, NeedsSecondRead } from "./entries.ts";
import { NameSet } from "./name-set.ts";
import { lowerWith } from "./testing/lower.ts";

function entry(name: string, changes: Partial<TarEntry> = {}): TarEntry {
  return { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1, link: "", ...changes };
}
const folder = (name: string, changes: Partial<TarEntry> = {}) =>
  entry(name, { kind: "folder", mode: 0o755, ...changes });
const link = (name: string, to: string) => entry(name, { kind: "hardlink", link: to });

async function read(list: readonly TarEntry[], lower: Lower | null = null) {
  const entries = new LayerEntries();
  const passed = list.map((one) => entries.take(one)).filter((one) => one !== null);
  const needs = needsLowerLayers(entries);
  const completion = await completeLayer(entries, lower);
  const added: Addition[] = [];
  for await (const addition of completion.additions) added.push(addition);
  return {
    entries,
    passed,
    added: added.map((one) => one.entry),
    isBound: completion.isBound(),
    needs,
  };
}
const names = (list: readonly TarEntry[]) => list.map((one) => one.name);

describe("a layer by itself", () => {
  test("files are passed on at once, folders come last, in any order", async () => {
    const { passed, added, isBound, needs } = await read([entry("./a/b"), folder("a/"), entry("c"), folder("./")]);
    expect([names(passed), names(added), isBound, needs]).toEqual([["a/b", "c"], ["a"], false, false]);
  });

  test("the last description of a folder counts, and the root's is kept apart", async () => {
    const { added, entries } = await read([
      folder("a"),
      folder("a", { mode: 0o700, uid: 5 }),
      folder(".", { mode: 0o711 }),
    ]);
    expect(added).toMatchObject([{ name: "a", mode: 0o700, uid: 5 }]);
    expect(entries.root).toMatchObject({ mode: 0o711 });
  });

  test("one path has one spelling", async () => {
    const { passed } = await read([entry("./a//b/./c"), entry("d/.")]);
    expect(names(passed)).toEqual(["a/b/c", "d"]);
  });

  test("overlayfs's own marks in an untrusted layer are dropped", async () => {
    const xattrs = new Map([
      ["trusted.overlay.redirect", "/etc"],
      ["user.a", "b"],
      ["system.posix_acl_access", "x"],
    ]);
    const { passed, added } = await read([
      entry("a", { xattrs }),
      folder("d", { xattrs }),
      entry("w", { kind: "character" }),
    ]);
    expect([...(passed[0]?.xattrs ?? [])]).toEqual([["user.a", "b"]]);
    expect([...(added[0]?.xattrs ?? [])]).toEqual([["user.a", "b"]]);
    expect(passed).toHaveLength(1);
  });

  const refused: [name: string, list: TarEntry[]][] = [
    ["a hard link to itself", [link("a", "a")]],
    ["a hard link to a folder", [folder("d"), link("a", "d")]],
    ["hard links to each other", [link("a", "b"), link("b", "a")]],
    ["a whiteout of nothing", [entry(".wh.")]],
    ["a whiteout of the folder above", [entry("a/.wh...")]],
  ];
  for (const [name, list] of refused) {
    test(`${name} is refused`, async () => {
      await expect(read(list)).rejects.toThrow(TarError);
    });
  }

  const irregular: [name: string, list: TarEntry[]][] = [
    ["a name that comes twice", [entry("a"), entry("b"), entry("a")]],
    ["a path through a symlink of the layer", [entry("l", { kind: "symlink", link: "/etc" }), entry("l/passwd")]],
    ["a path through a file", [entry("f"), entry("f/x")]],
    ["a folder and a file of one name", [folder("x"), entry("x")]],
    ["a file and a folder of one name", [entry("x"), folder("x")]],
    ["a hard link to nothing", [link("a", "nothing")]],
    ["a hard link to what aufs keeps", [entry(".wh..wh.plnk/1.2"), link("a", ".wh..wh.plnk/1.2")]],
  ];
  for (const [name, list] of irregular) {
    test(`${name} needs the whole layer first`, async () => {
      await expect(read(list)).rejects.toThrow(NeedsSecondRead);
    });
  }

  test("aufs's own files are skipped", async () => {
    const { passed, added } = await read([
      folder(".wh..wh.plnk"),
      entry(".wh..wh.plnk/1.2"),
      folder(".wh..wh.orph"),
      entry(".wh..wh.aufs"),
      entry("a"),
    ]);
    expect([names(passed), names(added)]).toEqual([["a"], []]);
  });
});

describe("a layer above others", () => {
  test("folders that it does not describe take their attributes from below", async () => {
    const lower = lowerWith({ a: { kind: "folder", mode: 0o700, uid: 7 } });
    const { added, isBound } = await read([entry("a/b/c")], lower);
    expect(added).toMatchObject([
      { name: "a", mode: 0o700, uid: 7 },
      { name: "a/b", mode: 0o755, uid: 0 },
    ]);
    expect(isBound).toBe(true);
  });

  test("a folder that is a symlink below needs the whole layer first, also for a whiteout in it", async () => {
    const lower = lowerWith({ lib: { kind: "symlink", link: "usr/lib" }, "usr/lib/x": {} });
    for (const one of [entry("lib/x"), entry("lib/.wh.x"), entry("lib/.wh..wh..opq"), link("a", "lib/x")])
      await expect(read([one], lower)).rejects.toThrow(NeedsSecondRead);
    const { added } = await read([folder("lib"), entry("lib/x")], lower);
    expect(names(added)).toEqual(["lib"]);
  });

  test("marks under a lower layer's file change nothing; under a file of this layer they can lead elsewhere", async () => {
    const marks = [entry("f/.wh.x"), entry("f/.wh..wh..opq"), entry("f/g/.wh.x")];
    const { added, isBound } = await read(marks, lowerWith({ f: {} }));
    expect([names(added), isBound]).toEqual([[], true]);
    const above = lowerWith({ f: { kind: "folder" }, "f/x": {} });
    for (const list of [
      [entry("f"), ...marks],
      [...marks, entry("f")],
    ])
      await expect(read(list, above)).rejects.toThrow(NeedsSecondRead);
  });

  test("a folder that only an opaque mark names is emptied", async () => {
    const { added } = await read([entry("d/.wh..wh..opq")], lowerWith({ d: { kind: "folder", mode: 0o700 } }));
    expect(added.map(({ name, mode, xattrs }) => [name, mode, xattrs?.size])).toEqual([["d", 0o700, 1]]);
  });

  test("whiteouts of existing files hide them; others are left out", async () => {
    const list = [folder("d"), entry("d/.wh.there"), entry(".wh.nothing")];
    const { added, isBound } = await read(list, lowerWith({ "d/there": {} }));
    expect(added.slice(1)).toMatchObject([{ name: "d/there", kind: "character", device: { major: 0, minor: 0 } }]);
    expect([added.length, isBound]).toEqual([2, true]);
  });

  test("a folder that is removed and recreated is opaque, as is one with an opaque marker before or after it", async () => {
    for (const list of [
      [entry(".wh.d"), folder("d"), entry("d/x")],
      [folder("d"), entry("d/.wh..wh..opq"), entry("d/x")],
      [entry("d/.wh..wh..opq"), entry("d/x"), folder("d")],
    ]) {
      const { added } = await read(list, lowerWith({ d: { kind: "folder", mode: 0o700 } }));
      expect(added).toMatchObject([{ name: "d", mode: 0o755 }]);
      expect(added[0]?.xattrs?.get("trusted.overlay.opaque")).toBe("y");
    }
  });

  test("a link's target is included with all its names except those that are gone", async () => {
    const lower = lowerWith({ a: { file: "1" }, b: { file: "1" }, "gone/c": { file: "1" } });
    const { added } = await read([entry(".wh.gone"), link("new", "b")], lower);
    expect(added.map(({ name, kind, link: to }) => [name, kind, to])).toEqual([
      ["a", "file", ""],
      ["b", "hardlink", "a"],
      ["new", "hardlink", "a"],
    ]);
  });

  test("a link's target is included without the names that are something else in this layer", async () => {
    const lower = lowerWith({ a: { file: "1" }, "b/c": { file: "1" }, d: { file: "1" } });
    const { added } = await read([entry("b"), entry("d/x"), link("new", "a")], lower);
    expect(added.map(({ name, kind, link: to }) => [name, kind, to])).toEqual([
      ["a", "file", ""],
      ["new", "hardlink", "a"],
      ["d", "folder", ""],
    ]);
    await expect(read([entry("d/x"), link("new", "d")], lower)).rejects.toThrow(TarError);
  });

  test("a link to a file that this layer removes becomes the file", async () => {
    const { added } = await read([entry(".wh.a"), link("new", "a"), link("too", "a")], lowerWith({ a: {} }));
    expect(added.slice(0, 2).map(({ name, kind, link: to }) => [name, kind, to])).toEqual([
      ["new", "file", ""],
      ["too", "hardlink", "new"],
    ]);
  });
});

test("in a tree `.wh.` names are ordinary, in data overlayfs's marks are too; an empty folder can be left out", () => {
  const marks = new Map([
    ["trusted.overlay.opaque", "y"],
    ["user.kept", "k"],
  ]);
  const list = [
    entry("d/.wh.name"),
    entry("d/.wh..wh..opq"),
    entry("d/hole", { kind: "character", device: { major: 0, minor: 0 } }),
    entry("d/marked", { xattrs: marks }),
  ];
  const taken = (as: "layer" | "tree" | "data") => {
    const entries = new LayerEntries({ as });
    const passed = list.map((one) => entries.take(one)).filter((one) => one !== null);
    return [names(passed), passed.at(-1)?.xattrs?.size, [...entries.leftOut]];
  };
  expect(taken("layer")).toEqual([["d/marked"], 1, ["d/hole"]]);
  expect(taken("tree")).toEqual([["d/.wh.name", "d/.wh..wh..opq", "d/marked"], 1, ["d/hole"]]);
  expect(taken("data")).toEqual([["d/.wh.name", "d/.wh..wh..opq", "d/hole", "d/marked"], 2, []]);

  const folders = (more: TarEntry[]) => {
    const entries = new LayerEntries({ as: "tree", unlessEmpty: "lost+found" });
    for (const one of [folder("lost+found", { mode: 0o700 }), folder("a/lost+found"), ...more]) entries.take(one);
    entries.finish();
    return [...entries.folders].map(([name, facts]) => `${name} ${facts?.mode.toString(8)}`);
  };
  expect(folders([])).toEqual(["a undefined", "a/lost+found 755"]);
  expect(folders([entry("lost+found-not")])).toEqual(["a undefined", "a/lost+found 755"]);
  expect(folders([entry("lost+found/#12")])).toContain("lost+found 700");
});

test("links to a device that is left out are left out with it, whichever comes first", async () => {
  const hole = { kind: "character", device: { major: 0, minor: 0 } } as const;
  const list = [link("d/early", "d/hole"), entry("d/hole", hole), link("d/late", "d/hole"), link("d/last", "d/late")];
  const result = await read([...list, entry("d/file"), link("d/second", "d/file")], lowerWith({}));
  expect(names(result.passed)).toEqual(["d/file", "d/second"]);
  expect(names(result.added)).toEqual(["d"]);
  const again = await read([entry("hole", hole), entry("hole"), link("to", "hole")], lowerWith({}));
  expect(names(again.passed)).toEqual(["hole", "to"]);
});

test("any entries become consistent entries, or are refused", async () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "c", ".wh.a", ".wh..wh..opq", "."), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join("/"));
  const kind = fc.constantFrom("file", "folder", "symlink", "hardlink", "character");
  const one = fc.record({ name, kind, link: name }).map((some) => entry(some.name, some as Partial<TarEntry>));
  await fc.assert(
    fc.asyncProperty(fc.array(one, { maxLength: 12 }), async (list) => {
      const result = await read(list, lowerWith({ a: { kind: "folder" }, "a/b": {} })).catch((error: unknown) => {
        if (error instanceof TarError || error instanceof NeedsSecondRead) return null;
        throw error;
      });
      if (!result) return;
      const all = [...result.passed, ...result.added];
      const folders = new Set(["", ...names(all.filter((some) => some.kind === "folder"))]);
      for (const { name: path } of all)
        expect(folders.has(path.slice(0, Math.max(0, path.lastIndexOf("/"))))).toBe(true);
      expect(new Set(names(all)).size).toBe(all.length);
    }),
    { numRuns: runs(1500) },
  );
});

test("a set of names finds what was put in, and nothing else", () => {
  const set = new NameSet();
  for (let i = 0; i < 50_000; i++) expect(set.add(`some/long/folder/name-${i}`)).toBe(true);
  expect(set.add("some/long/folder/name-77")).toBe(false);
  expect(set.size).toBe(50_000);
  for (let i = 0; i < 50_000; i++) if (set.has(`other/${i}`)) throw new Error("found what was not there");
  expect(set.has("some/long/folder/name-49999")).toBe(true);
});
