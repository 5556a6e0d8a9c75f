/** The guest's `git status` equals the host's, whatever state the repository is in. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import {
  commit,
  conflict,
  git,
  gitTest,
  makeRepository,
  roundTrip,
  stage,
  status,
  testBed,
  write,
} from "./testing/repository.ts";

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
    name: "detached at a tag",
    prepare: (r) => {
      git(r, "tag", "v1");
      commit(r, "second");
      git(r, "checkout", "-q", "v1");
    },
  },
  {
    name: "cherry-pick that conflicts",
    prepare: (r) => {
      conflict(r);
      git(r, "merge", "--abort");
      expect(() => git(r, "cherry-pick", "elsewhere")).toThrow();
    },
  },
  {
    name: "upstream that is a local branch",
    prepare: (r) => {
      git(r, "checkout", "-q", "-b", "topic");
      commit(r, "second");
      git(r, "branch", "-q", "--set-upstream-to=main");
    },
  },
  {
    name: "upstream that a refspec keeps elsewhere",
    prepare: (r, bed) => {
      git(bed, "clone", "-q", r, "elsewhere");
      const clone = `${bed}/elsewhere`;
      git(clone, "config", "remote.origin.fetch", "+refs/heads/*:refs/mirror/*");
      git(clone, "fetch", "-q");
      commit(clone, "ahead");
      return clone;
    },
  },
  {
    name: "a chain of symbolic refs",
    prepare: (r) => {
      git(r, "symbolic-ref", "refs/heads/a", "refs/heads/main");
      git(r, "symbolic-ref", "refs/heads/z", "refs/heads/a");
      git(r, "symbolic-ref", "HEAD", "refs/heads/z");
    },
  },
  {
    name: "split index among many old ones",
    prepare: (r) => {
      git(r, "update-index", "--split-index");
      stage(r, { other: "x" });
      const [real = ""] = fs.readdirSync(`${r}/.git`).filter((name) => name.startsWith("sharedindex."));
      for (let n = 0; n < 20; n++)
        fs.copyFileSync(`${r}/.git/${real}`, `${r}/.git/sharedindex.${String(n).padStart(40, "0")}`);
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
    expect(git(guest, "status", "--untracked-files=no")).toBe(git(repo, "status", "--untracked-files=no"));
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
