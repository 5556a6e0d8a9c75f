/** Work that comes back: real repositories, the guest's half in a folder. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { commit, git, gitTest, makeRepository, type TestBed, testBed, write } from "../testing/repository.ts";
import { applyChanges } from "./apply.ts";
import { importCommits } from "./commits.ts";
import { patchOf } from "./patch.ts";
import { receiveFrom, type SentGuest, sendTo } from "./testing/guest.ts";
import { undoLast } from "./undo.ts";
import { branchWork, everyChange, judgedChanges } from "./work.ts";

/** Uncommitted changes as `PATH VERDICT`. */
async function verdicts(bed: TestBed, sent: SentGuest): Promise<string[]> {
  await using pulled = await receiveFrom(bed, sent);
  const changes = await judgedChanges(pulled.received);
  return changes.map(({ path, to, verdict }) => `${to === null ? "-" : "+"}${path} ${verdict.kind}`);
}

async function apply(bed: TestBed, sent: SentGuest): Promise<string[]> {
  await using pulled = await receiveFrom(bed, sent);
  const changes = await judgedChanges(pulled.received);
  const ready = changes.filter(({ verdict }) => verdict.kind === "ready");
  await applyChanges({ host: pulled.host, changes: ready, vm: "box", applied: `${bed.folder}/applied` });
  return ready.map(({ path }) => path);
}

/** Paths with modes, sizes, times and content, without .git. */
function snapshot(folder: string): string[] {
  const all = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !/^\.git(?:\/|$)/.test(name));
  return all.sort().map((name) => {
    const stat = fs.lstatSync(`${folder}/${name}`, { bigint: true });
    const content = stat.isFile()
      ? fs.readFileSync(`${folder}/${name}`, "latin1")
      : stat.isSymbolicLink()
        ? fs.readlinkSync(`${folder}/${name}`)
        : "";
    const time = stat.isDirectory() ? "" : stat.mtimeNs;
    return `${name} ${stat.mode.toString(8)} ${time} ${JSON.stringify(content)}`;
  });
}

gitTest("nothing done in the guest is nothing to pull", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "edited\n", "new.txt": "n\n" });
  git(repo, "add", "new.txt");
  const sent = await sendTo(bed, { folder: repo });
  expect(await verdicts(bed, sent)).toEqual([]);
  await using pulled = await receiveFrom(bed, sent);
  expect(await branchWork(pulled.received, "box")).toEqual([]);
  expect(everyChange(pulled.received)).toEqual([]);
});

gitTest("uncommitted work is applied and taken back exactly", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "gone/deep/x": "x\n", swap: "file\n", "tree/inner": "t\n", ".gitignore": "*.log\n" });
  fs.symlinkSync("src/a.ts", `${repo}/link`);
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", "more");
  write(repo, { "README.md": "mine, not committed\n" });
  fs.chmodSync(`${repo}/README.md`, 0o600);
  const before = snapshot(repo);
  const sent = await sendTo(bed, { folder: repo });
  const { guest } = sent;
  write(guest, {
    "README.md": "mine, then theirs\n",
    "new/er/bin": new Uint8Array([0, 1, 2, 255]),
    "a.log": "ignored",
  });
  fs.rmSync(`${guest}/gone`, { recursive: true });
  fs.renameSync(`${guest}/src/a.ts`, `${guest}/src/moved.ts`);
  fs.rmSync(`${guest}/swap`);
  write(guest, { "swap/now": "a folder\n" });
  fs.rmSync(`${guest}/tree`, { recursive: true });
  write(guest, { tree: "a file\n" });
  fs.rmSync(`${guest}/link`);
  fs.symlinkSync("src/moved.ts", `${guest}/link`);
  fs.chmodSync(`${guest}/bin/run`, 0o644);
  git(guest, "add", "new");
  expect(await verdicts(bed, sent)).toEqual([
    "+README.md ready",
    "+bin/run ready",
    "-gone/deep/x ready",
    "+link ready",
    "+new/er/bin ready",
    "-src/a.ts ready",
    "+src/moved.ts ready",
    "-swap ready",
    "+swap/now ready",
    "+tree ready",
    "-tree/inner ready",
  ]);
  await apply(bed, sent);
  const normal = (folder: string) =>
    snapshot(folder)
      .map((line) => line.replace(/^(\S+) (\d+) (\d*) /, "$1 $2 "))
      .filter((line) => !line.startsWith("a.log") && !line.startsWith("README.md"));
  expect(normal(repo)).toEqual(normal(guest));
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("mine, then theirs\n");
  expect(fs.statSync(`${repo}/README.md`).mode & 0o777).toBe(0o600);
  expect(await verdicts(bed, sent)).toEqual(expect.arrayContaining(["+README.md same", "-swap same"]));
  const undone = await undoLast(`${bed.folder}/applied`, repo);
  expect(undone.paths.length).toBe(11);
  expect(snapshot(repo)).toEqual(before);
  await expect(undoLast(`${bed.folder}/applied`, repo)).rejects.toMatchObject({ code: "WORKSPACE_UNDO" });
});

gitTest("files that changed on both sides are conflicts; changes of the host alone are not", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "dirty when sent\n" });
  const sent = await sendTo(bed, { folder: repo });
  write(repo, { "README.md": "edited on\n", "src/a.ts": "host\n", both: "host\n", agree: "same\n" });
  fs.rmSync(`${repo}/bin/run`);
  write(sent.guest, {
    "src/a.ts": "guest\n",
    "src/deep/b.ts": "guest\n",
    "bin/run": "guest\n",
    both: "guest\n",
    agree: "same\n",
  });
  expect(await verdicts(bed, sent)).toEqual([
    "+agree same",
    "+bin/run conflict",
    "+both conflict",
    "+src/a.ts conflict",
    "+src/deep/b.ts ready",
  ]);
});

gitTest("work on top of the guest's commits waits for them", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "README.md": "committed\n" });
  git(sent.guest, "commit", "-q", "-am", "theirs");
  write(sent.guest, { "README.md": "on top\n", "src/a.ts": "elsewhere\n" });
  expect(await verdicts(bed, sent)).toEqual(["+README.md conflict", "+src/a.ts ready"]);
  await using pulled = await receiveFrom(bed, sent);
  await importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  git(repo, "merge", "-q", "refs/banger/box/main");
  expect(await verdicts(bed, sent)).toEqual(["+README.md ready", "+src/a.ts ready"]);
});

gitTest("the patch applies with git apply: binary, deleted, renamed, not committed before", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "dirty\n" });
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "README.md": "dirty\nand more\n", data: new Uint8Array([0, 200, 3]) });
  fs.renameSync(`${sent.guest}/src/a.ts`, `${sent.guest}/src/c.ts`);
  git(sent.guest, "add", "-A");
  await using pulled = await receiveFrom(bed, sent);
  const { bytes, withoutBase } = await patchOf(pulled.host, everyChange(pulled.received), true);
  expect(withoutBase).toEqual([]);
  const text = Buffer.from(bytes).toString("latin1");
  expect(text).toContain("rename from src/a.ts");
  expect(text).toContain("+and more");
  fs.writeFileSync(`${bed.folder}/p`, bytes);
  git(repo, "apply", `${bed.folder}/p`);
  expect(fs.readFileSync(`${repo}/data`)).toEqual(Buffer.from([0, 200, 3]));
  expect(fs.existsSync(`${repo}/src/c.ts`)).toBe(true);
});

gitTest("a base that nobody has any more is said", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "dirty\n" });
  const sent = await sendTo(bed, { folder: repo });
  write(repo, { "README.md": "gone on\n" });
  write(sent.guest, { "README.md": "theirs\n" });
  await using pulled = await receiveFrom(bed, sent);
  const { bytes, withoutBase } = await patchOf(pulled.host, everyChange(pulled.received), true);
  expect(withoutBase).toEqual(["README.md"]);
  expect(Buffer.from(bytes).toString()).toContain("new file mode");
});

const shapes: [name: string, prepare: (bed: TestBed) => string][] = [
  ["SHA-256", (bed) => makeRepository(`${bed.folder}/repo`, "--object-format=sha256")],
  [
    "a worktree",
    (bed) => {
      const main = makeRepository(`${bed.folder}/main`);
      git(main, "worktree", "add", "-q", "-b", "side", `${bed.folder}/repo`);
      return `${bed.folder}/repo`;
    },
  ],
  [
    "a shallow clone",
    (bed) => {
      const origin = makeRepository(`${bed.folder}/origin`);
      for (const text of ["second", "third"]) commit(origin, text);
      git(bed.folder, "clone", "-q", "--depth=2", `file://${origin}`, "repo");
      return `${bed.folder}/repo`;
    },
  ],
  [
    "a partial clone",
    (bed) => {
      const origin = makeRepository(`${bed.folder}/origin`);
      for (const text of ["second", "third"]) commit(origin, text);
      git(origin, "config", "uploadpack.allowFilter", "true");
      git(bed.folder, "clone", "-q", "--no-local", "--filter=blob:none", `file://${origin}`, "repo");
      return `${bed.folder}/repo`;
    },
  ],
  [
    "packed refs and objects elsewhere",
    (bed) => {
      const origin = makeRepository(`${bed.folder}/origin`);
      git(bed.folder, "clone", "-q", "--shared", origin, "repo");
      git(`${bed.folder}/repo`, "pack-refs", "--all");
      return `${bed.folder}/repo`;
    },
  ],
];
for (const [name, prepare] of shapes) {
  gitTest(`${name} works`, async () => {
    using bed = testBed();
    const repo = prepare(bed);
    const sent = await sendTo(bed, { folder: repo });
    commit(sent.guest, "theirs");
    write(sent.guest, { "README.md": "not committed\n" });
    await using pulled = await receiveFrom(bed, sent);
    await importCommits(pulled.host, pulled.received.answer, { vm: "box", branch: "got" });
    expect(git(repo, "log", "-1", "--format=%s", "got")).toBe("theirs\n");
    expect(await apply(bed, sent)).toEqual(["README.md"]);
    expect(git(repo, "diff", "--name-only")).toBe("README.md\n");
  });
}

gitTest("--depth and --from", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  for (const text of ["second", "third"]) commit(repo, text);
  const shallow = await sendTo(bed, { folder: repo, depth: 1 });
  commit(shallow.guest, "theirs");
  await using pulled = await receiveFrom(bed, shallow);
  await importCommits(pulled.host, pulled.received.answer, { vm: "box" });
  expect(git(repo, "log", "--format=%s", "refs/banger/box/main")).toBe("theirs\nthird\nsecond\nfirst\n");
  const from = await sendTo(bed, { folder: repo, from: "HEAD~1" });
  write(from.guest, { "README.md": "theirs\n" });
  expect(await verdicts(bed, from)).toEqual(["+README.md ready"]);
  git(from.guest, "commit", "-q", "-am", "detached");
  await using other = await receiveFrom(bed, from);
  await importCommits(other.host, other.received.answer, { vm: "other" });
  expect(git(repo, "log", "-1", "--format=%s", "refs/banger/other/HEAD")).toBe("detached\n");
});

gitTest("a repository without a commit, in a guest that makes the first", async () => {
  using bed = testBed();
  const repo = `${bed.folder}/repo`;
  fs.mkdirSync(repo);
  git(repo, "init", "-q", "-b", "main");
  write(repo, { staged: "1\n" });
  git(repo, "add", "staged");
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { more: "2\n" });
  expect(await verdicts(bed, sent)).toEqual(["+more ready"]);
  commit(sent.guest, "first");
  await using pulled = await receiveFrom(bed, sent);
  await importCommits(pulled.host, pulled.received.answer, { vm: "box", branch: "main" });
  expect(git(repo, "log", "--format=%s", "main")).toBe("first\n");
});

gitTest("line endings and filters change nothing: exact bytes come", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, {
    ".gitattributes": "*.txt text eol=crlf\n*.up filter=up ident\n",
    "w.txt": "a\r\nb\r\n",
    "x.up": "$Id$\n",
  });
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", "attributes");
  const sent = await sendTo(bed, { folder: repo });
  expect(await verdicts(bed, sent)).toEqual([]);
  write(sent.guest, { "w.txt": "a\r\nb\nc\r\n" });
  expect(await apply(bed, sent)).toEqual(["w.txt"]);
  expect(fs.readFileSync(`${repo}/w.txt`, "latin1")).toBe("a\r\nb\nc\r\n");
});

gitTest("submodules stay where they are", async () => {
  using bed = testBed();
  const inner = makeRepository(`${bed.folder}/inner`);
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "submodule", "add", "-q", inner, "sub");
  git(repo, "commit", "-q", "-m", "sub");
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "sub/README.md": "theirs\n", "README.md": "theirs\n" });
  commit(`${sent.guest}/sub`, "inner");
  expect(await verdicts(bed, sent)).toEqual(["+README.md ready"]);
});

gitTest("the guest's own repository stays as it is", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  write(sent.guest, { "README.md": "staged\n" });
  git(sent.guest, "add", "-A");
  write(sent.guest, { "README.md": "and more\n", untracked: "u\n" });
  const list = () => fs.readdirSync(`${sent.guest}/.git`, { recursive: true, encoding: "utf8" }).sort();
  const [files, status] = [list(), git(sent.guest, "status", "--porcelain")];
  expect(await verdicts(bed, sent)).toEqual(["+README.md ready", "+untracked ready"]);
  expect(git(sent.guest, "status", "--porcelain")).toBe(status);
  expect(list()).toEqual(files);
});

gitTest("names that are not UTF-8, with line breaks and quotes", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const sent = await sendTo(bed, { folder: repo });
  const name = Buffer.from([0xff, 0x0a, 0x22, 0x41]);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${sent.guest}/`), name]), "x");
  expect(await apply(bed, sent)).toEqual([name.toString("latin1")]);
  expect(fs.readFileSync(Buffer.concat([Buffer.from(`${repo}/`), name]), "utf8")).toBe("x");
});

gitTest("a file that was sent untracked is not deleted because the guest ignores it now", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { notes: "mine\n", more: "mine\n", third: "mine\n" });
  const sent = await sendTo(bed, { folder: repo, includeUntracked: true });
  write(sent.guest, { ".gitignore": "*\n", more: "theirs\n" });
  fs.rmSync(`${sent.guest}/third`);
  expect(await verdicts(bed, sent)).toEqual(["+more ready", "-third ready"]);
});

gitTest("an edit that the guest reverted is reverted here", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  write(repo, { "README.md": "edited\n" });
  const sent = await sendTo(bed, { folder: repo });
  git(sent.guest, "checkout", "-q", "--", ".");
  expect(await apply(bed, sent)).toEqual(["README.md"]);
  expect(git(repo, "status", "--porcelain")).toBe("");
});

gitTest(
  "a repository with refs in tables: commits are refused before anything is written, other work comes",
  async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    const sent = await sendTo(bed, { folder: repo });
    commit(sent.guest, "theirs");
    write(sent.guest, { "README.md": "theirs\n" });
    fs.mkdirSync(`${repo}/.git/reftable`);
    const list = () => fs.readdirSync(`${repo}/.git`, { recursive: true, encoding: "utf8" }).sort();
    const before = list();
    await using pulled = await receiveFrom(bed, sent);
    const run = importCommits(pulled.host, pulled.received.answer, { vm: "box" });
    await expect(run).rejects.toMatchObject({ code: "WORKSPACE_PULL", message: expect.stringContaining("reftable") });
    expect(list()).toEqual(before);
    expect(await apply(bed, sent)).toEqual(["README.md"]);
  },
);
