/** How much of a layer can wait for its end: at each limit, and one past it. */
import { expect, test } from "bun:test";
import { type TarEntry, TarError } from "../../formats/tar/header.ts";
import { type EntryRules, LayerEntries, layerLimits } from "./entries.ts";
import { Rewriter } from "./rewrite.ts";
import { Unpacking } from "./unpacking.ts";

function entry(name: string, changes: Partial<TarEntry> = {}): TarEntry {
  return { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1, link: "", ...changes };
}

const small = { folders: 3, pending: 3, nameBytes: 1000 };

function take(list: readonly TarEntry[], limits: Partial<typeof layerLimits> = {}, rules: EntryRules = {}): void {
  const entries = new LayerEntries(rules, { ...small, ...limits });
  for (const one of list) entries.take(one);
}

const some = (count: number, make: (number: number) => TarEntry) => [...Array(count).keys()].map(make);

test("the limits", () => {
  expect(layerLimits).toEqual({ folders: 500_000, pending: 500_000, nameBytes: 64 * 1024 * 1024 });
});

const cases: [what: string, make: (number: number) => TarEntry, problem: string, rules?: EntryRules][] = [
  ["folders", (n) => entry(`d${n}`, { kind: "folder" }), "it contains too many folders"],
  ["folders that are implied", (n) => entry(`d${n}/f`), "it contains too many folders"],
  ["hard links", (n) => entry(`l${n}`, { kind: "hardlink", link: "late" }), "it contains too many hard links"],
  ["whiteouts", (n) => entry(`.wh.${n}`), "it contains too many whiteouts"],
  ["opaque folders", (n) => entry(`d${n}/.wh..wh..opq`), "it contains too many whiteouts"],
  ["left out", (n) => entry(`f${n}`), "too many entries have to be left out", { leaveOut: () => true }],
];
for (const [what, make, problem, rules] of cases) {
  test(what, () => {
    expect(() => take(some(3, make), {}, rules)).not.toThrow();
    expect(() => take(some(4, make), {}, rules)).toThrow(new TarError(problem));
  });
}

const kept: [what: string, make: (number: number) => TarEntry, problem: string, rules?: EntryRules][] = [
  ["hard links", (n) => entry(`l${n}`, { kind: "hardlink", link: "late" }), "it contains too many hard links"],
  ["aufs's", (n) => entry(`.wh..wh.plnk/${n}`), "it contains too many hard links"],
  ["left out", (n) => entry(`f${n}`), "too many entries have to be left out", { leaveOut: () => true }],
];
for (const [what, make, problem, rules = {}] of kept) {
  test(`${what}, of a layer that is unpacked`, async () => {
    const unpacking = new Unpacking(null, rules, 3);
    for (const one of some(3, make)) await unpacking.apply(one);
    await expect(unpacking.apply(make(3))).rejects.toEqual(new TarError(problem));
  });
}

test("bytes of names that wait", () => {
  const named = (bytes: number) => entry("d".repeat(bytes), { kind: "folder" });
  expect(() => take([named(10)], { nameBytes: 10 })).not.toThrow();
  expect(() => take([named(11)], { nameBytes: 10 })).toThrow("its names are too long");
  // once for each folder, however often it comes
  expect(() => take([named(10), named(10)], { nameBytes: 10 })).not.toThrow();
  const link = entry("l", { kind: "hardlink", link: "nine.ofit" });
  expect(() => take([link], { nameBytes: 10 })).not.toThrow();
  expect(() => take([link], { nameBytes: 9 })).toThrow("its names are too long");
});

test("a file of 8 MiB is changed as asked; a larger one, or one of another kind or name, stays as it is", () => {
  const changed: string[] = [];
  const sizes: number[] = [];
  const out = { entry: ({ size }: TarEntry) => void sizes.push(size), data() {}, hole() {}, pad() {} };
  const rewrite = {
    isChanged: (path: string) => path === "f" || path === "l",
    change: (content: Uint8Array, path: string) => {
      changed.push(`${path} ${content.length}`);
      return new Uint8Array(3);
    },
  };
  const most = 8 * 1024 * 1024;
  const rewriter = new Rewriter(out, rewrite);
  const pass = (one: TarEntry) => {
    rewriter.entry(one);
    if (one.size > 0) rewriter.hole(one.size);
    rewriter.pad(one.size);
  };
  pass(entry("f", { size: most }));
  pass(entry("f", { size: most + 1 }));
  pass(entry("other", { size: 5 }));
  pass(entry("l", { kind: "symlink", link: "f" }));
  expect(changed).toEqual([`f ${most}`]);
  expect(sizes).toEqual([3, most + 1, 5, 0]);
});
