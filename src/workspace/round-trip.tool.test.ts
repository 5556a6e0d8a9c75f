/** Whole plans, streamed and unpacked with real git and tar: what is sent, and what is not. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { commit, git, gitTest, makeRepository, roundTrip, status, testBed, write } from "./testing/repository.ts";

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

gitTest("the repository's own ignore rules come after the user's", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "secret.env": "s", "keep.log": "k", ".git/info/exclude": "secret.env\n!keep.log\n" });
  write(bed.home, { ".config/git/ignore": "!secret.env\n*.log\n" });
  const { guest } = await roundTrip(bed, { folder: repo, includeUntracked: true });
  expect(fs.readdirSync(guest).sort()).toEqual([".git", "README.md", "bin", "keep.log", "src"]);
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

gitTest("a name that is not UTF-8 arrives unchanged", async () => {
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
