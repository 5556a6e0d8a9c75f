/** The guest's `git status` equals the host's: whole plans, streamed and unpacked with real git and tar. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { git, gitTest, makeRepository, roundTrip, status, testBed, write } from "./testing/repository.ts";

type Row = { name: string; init?: string[]; prepare: (repo: string, bed: string) => unknown };

const rows: Row[] = [
  { name: "nothing changed", prepare: () => {} },
  { name: "uncommitted edit", prepare: (r) => write(r, { "README.md": "other\n" }) },
  {
    name: "staged edit, then edited again",
    prepare: (r) => stage(r, { "README.md": "staged\n" }, { "README.md": "later\n" }),
  },
  { name: "new staged file", prepare: (r) => stage(r, { "new/file": "new\n" }) },
  { name: "deleted on disk", prepare: (r) => fs.rmSync(`${r}/README.md`) },
  { name: "deleted and staged", prepare: (r) => void git(r, "rm", "-q", "README.md") },
  { name: "renamed and staged", prepare: (r) => void git(r, "mv", "src/a.ts", "src/c.ts") },
  { name: "exec bit set", prepare: (r) => fs.chmodSync(`${r}/README.md`, 0o755) },
  { name: "exec bit taken away", prepare: (r) => fs.chmodSync(`${r}/bin/run`, 0o644) },
  {
    name: "core.fileMode off",
    prepare: (r) => {
      git(r, "config", "core.fileMode", "false");
      fs.chmodSync(`${r}/bin/run`, 0o644);
    },
  },
  {
    name: "symlink",
    prepare: (r) => {
      fs.symlinkSync("../README.md", `${r}/src/link`);
      git(r, "add", "-A");
    },
  },
  {
    name: "file became a symlink",
    prepare: (r) => {
      fs.rmSync(`${r}/README.md`);
      fs.symlinkSync("/etc/passwd", `${r}/README.md`);
    },
  },
  {
    name: "file became a folder",
    prepare: (r) => {
      fs.rmSync(`${r}/README.md`);
      fs.mkdirSync(`${r}/README.md`);
    },
  },
  {
    name: "intent to add",
    prepare: (r) => {
      write(r, { later: "x\n" });
      git(r, "add", "-N", "later");
    },
  },
  {
    name: "skip-worktree",
    prepare: (r) => {
      git(r, "update-index", "--skip-worktree", "README.md");
      fs.rmSync(`${r}/README.md`);
    },
  },
  {
    name: "assume-unchanged",
    prepare: (r) => {
      git(r, "update-index", "--assume-unchanged", "README.md");
      write(r, { "README.md": "?" });
    },
  },
  {
    name: "split index",
    prepare: (r) => {
      git(r, "update-index", "--split-index");
      stage(r, { other: "x" });
    },
  },
  { name: "sparse checkout", prepare: (r) => void git(r, "sparse-checkout", "set", "--cone", "src") },
  { name: "sparse index", prepare: (r) => void git(r, "sparse-checkout", "set", "--cone", "--sparse-index", "bin") },
  {
    name: "untracked cache",
    prepare: (r) => {
      git(r, "config", "core.untrackedCache", "true");
      git(r, "update-index", "--force-untracked-cache");
      git(r, "status");
    },
  },
  { name: "merge conflict", prepare: conflict },
  {
    name: "detached HEAD",
    prepare: (r) => {
      commit(r, "second");
      git(r, "checkout", "-q", "HEAD~1");
    },
  },
  {
    name: "packed refs and objects",
    prepare: (r) => {
      commit(r, "second");
      git(r, "gc", "-q");
      git(r, "pack-refs", "--all");
    },
  },
  {
    name: "tags",
    prepare: (r) => {
      git(r, "tag", "v1");
      git(r, "tag", "-a", "v2", "-m", "x");
      commit(r, "second");
    },
  },
  {
    name: "names with everything",
    prepare: (r) =>
      stage(r, { 'a b\n"c\\d\te': "1", "ünï/çødé": "2", [`${"long/".repeat(40)}x`]: "3", ["n".repeat(200)]: "4" }),
  },
  { name: "sha256", init: ["--object-format=sha256"], prepare: (r) => stage(r, { more: "x" }) },
  {
    name: "autocrlf",
    prepare: (r) => {
      git(r, "config", "core.autocrlf", "true");
      write(r, { "README.md": "hello\r\n" });
    },
  },
  {
    name: "eol attributes",
    prepare: (r) => {
      stage(r, { ".gitattributes": "*.txt text eol=crlf\n", "a.txt": "x\r\ny\r\n" });
      commit(r, "eol");
    },
  },
  {
    name: "shallow clone",
    prepare: (r, bed) => {
      commit(r, "second");
      git(bed, "clone", "-q", "--depth", "1", `file://${r}`, "clone");
      return `${bed}/clone`;
    },
  },
  {
    name: "clone with upstream behind",
    prepare: (r, bed) => {
      git(bed, "clone", "-q", r, "clone");
      commit(`${bed}/clone`, "ahead");
      return `${bed}/clone`;
    },
  },
  {
    name: "clone --shared",
    prepare: (r, bed) => {
      git(bed, "clone", "-q", "--shared", r, "clone");
      return `${bed}/clone`;
    },
  },
  {
    name: "worktree",
    prepare: (r, bed) => {
      git(r, "worktree", "add", "-q", "-b", "side", `${bed}/side`);
      stage(`${bed}/side`, { w: "1" });
      return `${bed}/side`;
    },
  },
  {
    name: "detached worktree",
    prepare: (r, bed) => {
      git(r, "worktree", "add", "-q", "--detach", `${bed}/side`);
      return `${bed}/side`;
    },
  },
  {
    name: "git directory elsewhere that points back",
    prepare: (r, bed) => {
      fs.renameSync(`${r}/.git`, `${bed}/elsewhere`);
      fs.writeFileSync(`${r}/.git`, "gitdir: ../elsewhere\n");
      git(r, "config", "core.worktree", r);
    },
  },
  {
    name: "path with a space and quotes",
    prepare: (r, bed) => {
      fs.renameSync(r, `${bed}/a "b" 'c'\\ü`);
      return `${bed}/a "b" 'c'\\ü`;
    },
  },
];

for (const { name, init, prepare } of rows) {
  gitTest(`status is the same: ${name}`, async () => {
    using bed = testBed();
    const made = makeRepository(`${bed.folder}/repo`, ...(init ?? []));
    const moved = prepare(made, bed.folder);
    const repo = typeof moved === "string" && moved.startsWith("/") ? moved : made;
    const { guest } = await roundTrip(bed, { folder: repo });
    expect(status(guest, "--untracked-files=no")).toBe(status(repo, "--untracked-files=no"));
    expect(git(guest, "log", "--format=%H %P")).toBe(git(repo, "log", "--format=%H %P"));
    expect(git(guest, "tag", "--format=%(objectname) %(refname)")).toBe(
      git(repo, "tag", "--format=%(objectname) %(refname)"),
    );
    expect(modes(guest)).toEqual(modes(repo));
    git(guest, "fsck", "--strict");
  });
}

function modes(repo: string): string[] {
  const names = git(repo, "ls-files", "-z")
    .split("\0")
    .filter(Boolean)
    .map((name) => Buffer.from(name, "latin1"));
  return names.map((name) => {
    const info = fs.lstatSync(Buffer.concat([Buffer.from(`${repo}/`), name]), { throwIfNoEntry: false });
    const kind = info?.isDirectory() ? "none" : info?.isSymbolicLink() ? "link" : info?.mode.toString(8);
    return `${name.toString("latin1")} ${kind ?? "none"} ${info?.isFile() ? Math.floor(info.mtimeMs / 1000) : ""}`;
  });
}

function stage(repo: string, files: Record<string, string>, then: Record<string, string> = {}): void {
  write(repo, files);
  git(repo, "add", "-A");
  write(repo, then);
}

function commit(repo: string, text: string): void {
  write(repo, { [`${text}.txt`]: `${text}\n` });
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", text);
}

function conflict(repo: string): void {
  git(repo, "checkout", "-q", "-b", "elsewhere");
  write(repo, { "README.md": "theirs\n" });
  git(repo, "commit", "-q", "-am", "theirs");
  git(repo, "checkout", "-q", "main");
  write(repo, { "README.md": "ours\n" });
  git(repo, "commit", "-q", "-am", "ours");
  expect(() => git(repo, "merge", "elsewhere")).toThrow();
}

gitTest("a repository without a commit", async () => {
  using bed = testBed();
  const repo = `${bed.folder}/repo`;
  fs.mkdirSync(repo);
  git(repo, "init", "-q", "-b", "main");
  write(repo, { staged: "1\n", untracked: "2\n" });
  git(repo, "add", "staged");
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(status(guest)).toBe(status(repo, "--untracked-files=no"));
  expect(fs.readdirSync(guest).sort()).toEqual([".git", "staged"]);
});

gitTest("nothing at all but .git", async () => {
  using bed = testBed();
  const repo = `${bed.folder}/repo`;
  fs.mkdirSync(repo);
  git(repo, "init", "-q", "-b", "main");
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(status(guest)).toBe(status(repo));
});

gitTest("--depth cuts the history, the rest is as it was", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  for (const text of ["second", "third", "fourth"]) commit(repo, text);
  git(repo, "tag", "old", "HEAD~3");
  git(repo, "tag", "new");
  const { guest, plan } = await roundTrip(bed, { folder: repo, depth: 2 });
  expect(git(guest, "log", "--format=%s")).toBe("fourth\nthird\n");
  expect(git(guest, "tag")).toBe("new\n");
  expect(status(guest)).toBe(status(repo));
  expect(plan.repositories[0]?.depth).toBe(2);
  git(guest, "fsck", "--strict");
});

gitTest("only HEAD's history goes in, no other branch, no stash", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "checkout", "-q", "-b", "elsewhere");
  commit(repo, "secret");
  const secret = git(repo, "rev-parse", "HEAD").trim();
  git(repo, "checkout", "-q", "main");
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(() => git(guest, "cat-file", "-e", secret)).toThrow();
  expect(git(guest, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\n");
});

gitTest("--branch puts the guest on a new branch, uncommitted edits come along", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "edited\n" });
  const { guest } = await roundTrip(bed, { folder: repo, branch: "fix/login" });
  expect(git(guest, "symbolic-ref", "HEAD")).toBe("refs/heads/fix/login\n");
  expect(git(guest, "status", "--porcelain")).toBe(" M README.md\n");
  expect(git(guest, "branch", "--format=%(refname:short)")).toBe("fix/login\nmain\n");
});

gitTest("--from checks out that commit and leaves edits behind", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "tag", "v1");
  commit(repo, "second");
  write(repo, { "README.md": "edited\n", untracked: "u" });
  const { guest, plan } = await roundTrip(bed, { folder: repo, from: "v1", branch: "hotfix" });
  expect(git(guest, "status", "--porcelain")).toBe("");
  expect(fs.existsSync(`${guest}/second.txt`)).toBe(false);
  expect(fs.readFileSync(`${guest}/README.md`, "utf8")).toBe("hello\n");
  expect(git(guest, "log", "--format=%s %D")).toContain("first HEAD -> hotfix");
  expect(plan.entries).toEqual([]);
  expect(plan.notes.some((note) => note.text.includes("stay behind"))).toBe(true);
  const detached = await roundTrip(bed, { folder: repo, from: "HEAD~1" });
  expect(() => git(detached.guest, "symbolic-ref", "HEAD")).toThrow();
  const onBranch = await roundTrip(bed, { folder: repo, from: "main" });
  expect(git(onBranch.guest, "symbolic-ref", "HEAD")).toBe("refs/heads/main\n");
});

gitTest("untracked files only when asked, ignored ones never", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, {
    ".gitignore": "*.log\n",
    "new.txt": "n",
    "a.log": "ignored",
    "src/b.log": "ignored",
    "deep/er/x": "x",
    mine: "m",
    all: "a",
  });
  write(repo, { ".git/info/exclude": "mine\n" });
  write(bed.home, { ".config/git/ignore": "all\n" });
  const without = await roundTrip(bed, { folder: repo });
  expect(fs.readdirSync(without.guest).sort()).toEqual([".git", "README.md", "bin", "src"]);
  const { guest } = await roundTrip(bed, { folder: repo, includeUntracked: true });
  expect(fs.readdirSync(guest).sort()).toEqual([".git", ".gitignore", "README.md", "bin", "deep", "new.txt", "src"]);
  expect(git(guest, "status", "--porcelain", "-uall")).toBe("?? .gitignore\n?? deep/er/x\n?? new.txt\n");
});

gitTest("a name that is no UTF-8 arrives as it is", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${repo}/`), Buffer.from([0xff, 0x41])]), "x");
  git(repo, "add", "-A");
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(status(guest)).toBe(status(repo));
});

gitTest("a subfolder: the whole repository goes in, commands start in the subfolder", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const { guest, plan } = await roundTrip(bed, { folder: `${repo}/src/deep` });
  expect(plan.guestCwd).toBe("/root/repo/src/deep");
  expect(status(guest)).toBe(status(repo));
});

for (const filter of ["blob:none", "tree:0"]) {
  gitTest(`a partial clone (${filter}) goes in as one`, async () => {
    using bed = testBed();
    const origin = makeRepository(`${bed.folder}/origin`);
    commit(origin, "second");
    git(origin, "config", "uploadpack.allowFilter", "true");
    git(bed.folder, "clone", "-q", "--no-local", `--filter=${filter}`, `file://${origin}`, "clone");
    const { guest, plan } = await roundTrip(bed, { folder: `${bed.folder}/clone` });
    expect(status(guest)).toBe(status(`${bed.folder}/clone`));
    expect(git(guest, "rev-list", "HEAD")).toBe(git(origin, "rev-list", "HEAD"));
    expect(plan.notes.some(({ text }) => text.includes("partial clone"))).toBe(true);
  });
}
