/** Every limit for reading an untrusted repository: at the limit and one past it. */
import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { tempFolder } from "../host/testing/temp.ts";
import { Collector } from "./collect.ts";
import { listFolder } from "./folder.ts";
import { GitConfig, maxConfigBytes, parseGitConfig } from "./git-config.ts";
import { type Repository, repositoryAt } from "./locate.ts";
import { Notes } from "./notes.ts";
import type { OpenRepository } from "./open-repository.ts";
import { isRefName, parsePackedRefs, readRefs, refLimits } from "./refs.ts";
import type { Settings } from "./settings.ts";
import { copyLimits, makeSkeleton, type Sources } from "./skeleton.ts";
import { type Listing, listRepository } from "./tracked.ts";

const oid = "0123456789012345678901234567890123456789";

/** A work tree with a minimal repository in it. */
function world() {
  const folder = tempFolder("workspace");
  const root = fs.realpathSync(folder.path);
  const write = (name: string, data: string | Uint8Array) => {
    fs.mkdirSync(dirname(`${root}/${name}`), { recursive: true });
    fs.writeFileSync(`${root}/${name}`, data);
  };
  for (const name of ["objects", "refs"]) fs.mkdirSync(`${root}/.git/${name}`, { recursive: true });
  write(".git/HEAD", "ref: refs/heads/main\n");
  const git = `${root}/.git`;
  const repository: Repository = { workTree: root, gitDir: git, commonDir: git, objects: `${git}/objects` };
  return { root, write, repository, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe("refs", () => {
  const limits = { refs: 3, folders: 2, packedBytes: 1000 };
  const packed = (count: number) => [...Array(count).keys()].map((i) => `${oid} refs/tags/${i}\n`).join("");

  test("the limits", () => {
    expect(refLimits).toEqual({ refs: 500_000, folders: 32, packedBytes: 128 * 1024 * 1024 });
  });

  test("packed ones", () => {
    expect(parsePackedRefs(packed(3), new Map(), 3)).toBe(true);
    expect(parsePackedRefs(packed(4), new Map(), 3)).toBe(false);
    // duplicates count once
    expect(parsePackedRefs(packed(3) + packed(3), new Map(), 3)).toBe(true);
  });

  test("packed, loose and symbolic ones together", () => {
    using one = world();
    one.write(".git/packed-refs", packed(1));
    one.write(".git/refs/tags/0", `${oid}\n`);
    one.write(".git/refs/heads/main", `${oid}\n`);
    one.write(".git/refs/remotes/HEAD", "ref: refs/heads/main\n");
    expect(readRefs(one.repository, limits).all.size).toBe(3);
    for (const text of [`${oid}\n`, "ref: refs/heads/main\n"]) {
      one.write(".git/refs/heads/more", text);
      expect(() => readRefs(one.repository, limits)).toThrow("it has more than 3 refs");
    }
    fs.rmSync(`${one.root}/.git/refs/heads/more`);
    one.write(".git/packed-refs", packed(4));
    expect(() => readRefs(one.repository, limits)).toThrow("it has more than 3 refs");
  });

  test("folders above one", () => {
    using one = world();
    one.write(".git/refs/a/b/c", oid);
    expect(readRefs(one.repository, limits).all.get("refs/a/b/c")).toBe(oid);
    one.write(".git/refs/a/b/d/e", oid);
    expect(() => readRefs(one.repository, limits)).toThrow("nested more than 2 folders deep");
  });

  test("bytes of packed-refs, of HEAD and of a loose one", () => {
    using one = world();
    const filled = (text: string, bytes: number) => text + " ".repeat(bytes - text.length);
    one.write(".git/packed-refs", `${packed(1)}${"#".repeat(1000 - packed(1).length)}`);
    one.write(".git/HEAD", filled("ref: refs/tags/0", 4096));
    one.write(".git/refs/loose", filled(oid, 4096));
    const read = () => readRefs(one.repository, limits);
    expect(read().head).toEqual({ ref: "refs/tags/0", oid });
    for (const name of ["packed-refs", "HEAD", "refs/loose"]) {
      fs.appendFileSync(`${one.root}/.git/${name}`, " ");
      expect(read).toThrow(`its ${name} can't be read: more than`);
      fs.truncateSync(`${one.root}/.git/${name}`, name === "packed-refs" ? 1000 : 4096);
    }
  });

  test("symbolic ones that lead to symbolic ones", () => {
    using one = world();
    one.write(".git/refs/heads/main", oid);
    // from the last to the first, so that each round finds one
    for (const [name, target] of ["be", "cb", "dc", "ed", "fe", "gf"].map((pair) => [...pair]))
      one.write(`.git/refs/${name}`, `ref: refs/${target === "e" && name === "b" ? "heads/main" : target}\n`);
    one.write(".git/HEAD", "ref: refs/f\n");
    expect(readRefs(one.repository).head).toEqual({ ref: "refs/heads/main", oid });
    one.write(".git/HEAD", "ref: refs/g\n");
    expect(readRefs(one.repository).head.ref).toBe("refs/b");
  });

  test("characters of a name", () => {
    const named = (length: number) => `refs/${"a".repeat(length - 5)}`;
    expect(isRefName(named(1024))).toBe(true);
    expect(isRefName(named(1025))).toBe(false);
  });
});

describe("where the git directory is", () => {
  const named = (bytes: number) => `gitdir: ${"x".repeat(bytes - "gitdir: ".length)}`;

  test("a .git file has 8 KiB", () => {
    using one = world();
    fs.rmSync(`${one.root}/.git`, { recursive: true });
    one.write(".git", named(8192));
    expect(() => repositoryAt(one.root, "x")).toThrow("points to a folder that does not exist");
    one.write(".git", named(8193));
    expect(() => repositoryAt(one.root, "x")).toThrow("its .git file is none of git's");
  });

  test("a commondir file has 8 KiB; a longer one is ignored", () => {
    using one = world();
    one.write(".git/commondir", "x".repeat(8192));
    expect(() => repositoryAt(one.root, "x")).toThrow("commondir file points to a folder that does not exist");
    one.write(".git/commondir", "x".repeat(8193));
    expect(repositoryAt(one.root, "x")).toEqual(one.repository);
  });

  test("a configuration that points back has 1 MiB", () => {
    using one = world();
    fs.mkdirSync(`${one.root}/tree`);
    fs.renameSync(`${one.root}/.git`, `${one.root}/elsewhere`);
    one.write("tree/.git", "gitdir: ../elsewhere\n");
    const config = `[core]\n\tworktree = ${one.root}/tree\n`;
    one.write("elsewhere/config", `${config}${"#".repeat(maxConfigBytes - config.length)}`);
    expect(maxConfigBytes).toBe(1024 * 1024);
    expect(repositoryAt(`${one.root}/tree`, "x")?.gitDir).toBe(`${one.root}/elsewhere`);
    fs.appendFileSync(`${one.root}/elsewhere/config`, "#");
    expect(() => repositoryAt(`${one.root}/tree`, "x")).toThrow("does not point back");
  });
});

test("a configuration has 20,000 sections and variables", () => {
  const config = (entries: number) => parseGitConfig(`[a]\n${"k=v\n".repeat(entries - 1)}`);
  expect(config(20_000).broken).toBe(false);
  expect(config(20_001).broken).toBe(true);
});

describe("what is copied of a git directory", () => {
  const settings = { sha256: false, effective: new GitConfig() } as Settings;

  function sources(repository: Repository): Sources {
    return {
      repository,
      objects: [],
      refs: { head: { ref: "refs/heads/main", oid: null }, all: new Map(), symbolic: new Map() },
      settings,
    };
  }

  async function copied(one: ReturnType<typeof world>, limits: typeof copyLimits) {
    const gitDir = fs.mkdtempSync(`${one.root}/copy-`);
    fs.mkdirSync(`${gitDir}/objects/info`, { recursive: true });
    return await makeSkeleton(gitDir, sources(one.repository), limits);
  }

  test("the limits", () => {
    expect(copyLimits).toEqual({ index: 1024 ** 3, shallow: 16 * 1024 ** 2 });
  });

  test("bytes of shallow", async () => {
    using one = world();
    one.write(".git/shallow", `${oid}\n`);
    expect((await copied(one, { index: 0, shallow: 41 })).shallow).toEqual([oid]);
    await expect(copied(one, { index: 0, shallow: 40 })).rejects.toThrow("its shallow can't be read");
  });

  test("bytes of the index, and of its shared index", async () => {
    using one = world();
    const index = Buffer.alloc(60);
    index.write("DIRC");
    Buffer.from(oid, "hex").copy(index, 12);
    one.write(".git/index", index);
    const shared = `sharedindex.${oid}`;
    one.write(`.git/${shared}`, Buffer.alloc(60));
    expect(await copied(one, { index: 60, shallow: 0 })).toMatchObject({ split: true });
    await expect(copied(one, { index: 59, shallow: 0 })).rejects.toThrow("its index can't be read");
    one.write(`.git/${shared}`, Buffer.alloc(61));
    await expect(copied(one, { index: 60, shallow: 0 })).rejects.toThrow(`its ${shared} can't be read`);
  });
});

test("a folder has a million files and folders", () => {
  using one = world();
  fs.rmSync(`${one.root}/.git`, { recursive: true });
  one.write("last", "x");
  const list = (before: number) => {
    const collector = new Collector(one.root, new Notes());
    collector.entries.length = before;
    listFolder(one.root, "x", collector, new Notes());
    return collector.entries.length;
  };
  expect(list(999_999)).toBe(1_000_000);
  expect(() => list(1_000_000)).toThrow("it holds more than 1000000 files");
});

describe("submodules", () => {
  const tooMany = "sub: one submodule too many, not sent";

  /** The notes for a repository with one missing submodule, after so many were found, at this nesting. */
  async function notesOf(before: number, nesting: number): Promise<string[]> {
    using one = world();
    fs.mkdirSync(`${one.root}/sub`);
    const stdout = Buffer.from(`160000 ${oid} 0\tsub\0`);
    const open = { repository: one.repository, path: "", git: async () => ({ stdout }) } as unknown as OpenRepository;
    const notes = new Notes();
    const listing: Listing = {
      deps: {} as Listing["deps"],
      scratch: "",
      signal: new AbortController().signal,
      collector: new Collector(one.root, notes),
      notes,
      withUntracked: false,
      user: {} as Listing["user"],
      repositories: Array<OpenRepository>(before + 1).fill(open),
    };
    await listRepository(listing, open, nesting);
    return notes.list().map(({ text }) => text);
  }

  test("2000 are followed", async () => {
    expect(await notesOf(1999, 0)).toEqual([]);
    expect(await notesOf(2000, 0)).toEqual([tooMany]);
  });

  test("16 inside each other are followed", async () => {
    expect(await notesOf(0, 15)).toEqual([]);
    expect(await notesOf(0, 16)).toEqual([tooMany]);
  });
});
