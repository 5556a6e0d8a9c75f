/** Commits that come back into a real repository. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { commit, git, gitTest, makeRepository, testBed, write } from "../testing/repository.ts";
import { importCommits } from "./commits.ts";
import { receiveFrom, sendTo } from "./testing/guest.ts";
import { branchWork, judgedChanges } from "./work.ts";

gitTest("commits come as refs/banger/VM/*, and as a branch when asked", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  commit(sent.guest, "second");
  git(sent.guest, "checkout", "-q", "-b", "topic/x");
  commit(sent.guest, "third");
  await using pulled = await receiveFrom(bed, sent);
  expect(await branchWork(pulled.received, "box")).toMatchObject([
    { ref: "refs/banger/box/main", commits: 1 },
    { ref: "refs/banger/box/topic/x", commits: 2 },
  ]);
  const { answer } = pulled.received;
  const changes = await importCommits(pulled.host, answer, { vm: "box", branch: "from-vm" });
  expect(changes.map(({ name, old }) => [name, old])).toEqual([
    ["refs/banger/box/main", null],
    ["refs/banger/box/topic/x", null],
    ["refs/heads/from-vm", null],
  ]);
  expect(git(repo, "log", "--format=%s", "refs/banger/box/topic/x")).toBe("third\nsecond\nfirst\n");
  expect(git(repo, "rev-parse", "from-vm")).toBe(git(sent.guest, "rev-parse", "HEAD"));
  expect(git(repo, "status", "--porcelain")).toBe("");
  git(repo, "fsck", "--strict");
  await using again = await receiveFrom(bed, sent);
  expect(await importCommits(again.host, again.received.answer, { vm: "box" })).toEqual([]);
});

gitTest("only what is new comes a second time, and a moved branch moves its ref", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  commit(sent.guest, "second");
  {
    await using pulled = await receiveFrom(bed, sent);
    await importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  }
  const old = git(repo, "rev-parse", "refs/banger/box/main").trim();
  git(sent.guest, "commit", "-q", "--amend", "-m", "other");
  await using pulled = await receiveFrom(bed, sent);
  expect(pulled.host.known).toContain(old);
  const [change] = await importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  expect(change).toMatchObject({ name: "refs/banger/box/main", old });
  expect(git(repo, "log", "-1", "--format=%s", "refs/banger/box/main")).toBe("other\n");
});

gitTest("branches are never moved, and refs that can't be beside others are refused", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  commit(sent.guest, "theirs");
  const main = git(repo, "rev-parse", "main");
  await using pulled = await receiveFrom(bed, sent);
  const { answer } = pulled.received;
  for (const branch of ["main", "main/x", "-x", "a..b", "x.lock", ""]) {
    const run = importCommits(pulled.host, answer, { vm: "box", branch });
    await expect(run).rejects.toMatchObject({ code: "WORKSPACE_PULL" });
  }
  expect(git(repo, "rev-parse", "main")).toBe(main);
  expect(git(repo, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\n");
  write(repo, { ".git/refs/banger/box/main.lock": "" });
  const locked = importCommits(pulled.host, answer, { vm: "box" });
  await expect(locked).rejects.toMatchObject({ message: expect.stringContaining("is locked by another git") });
  fs.rmSync(`${repo}/.git/refs/banger`, { recursive: true });
  await importCommits(pulled.host, answer, { vm: "box" });
  expect(git(repo, "log", "-1", "--format=%s", "refs/banger/box/main")).toBe("theirs\n");
});

gitTest(
  "a repository of its own in the workspace, with and without a commit, does not come and stops nothing",
  async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    const sent = await sendTo(bed, { folder: repo });
    makeRepository(`${sent.guest}/nested`);
    git(sent.guest, "init", "-q", "empty");
    write(sent.guest, { "empty/x": "x\n", "README.md": "theirs\n" });
    await using pulled = await receiveFrom(bed, sent);
    const paths = (await judgedChanges(pulled.received)).map(({ path }) => path);
    expect(paths).toContain("README.md");
    expect(paths.filter((path) => path.startsWith("nested"))).toEqual([]);
    expect(pulled.received.submodules).toEqual(["nested"]);
  },
);
