/** Repository layouts in real use: bare with worktrees, moved, linked, reftable; and refusals with a way out. */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { planWorkspace } from "./plan.ts";
import { reftables, unpacked } from "./testing/reftables.ts";
import {
  commit,
  git,
  gitTest,
  makeRepository,
  roundTrip,
  status,
  type TestBed,
  testBed,
  write,
} from "./testing/repository.ts";

async function refusal(bed: TestBed, folder: string): Promise<{ message: string; hint: string }> {
  const error = await planWorkspace(bed.deps, { folder }).catch((each) => each);
  expect(error.code).toBe("WORKSPACE_REFUSED");
  return error;
}

/** Runs the command between backticks of a hint in a shell. */
function runHint(hint: string): void {
  const command = /`([^`]+)`/.exec(hint)?.[1] ?? "false";
  execFileSync("/bin/sh", ["-c", command], { stdio: "pipe" });
}

async function goesIn(bed: TestBed, folder: string): Promise<void> {
  const { guest } = await roundTrip(bed, { folder });
  expect(status(guest, "--untracked-files=no")).toBe(status(folder, "--untracked-files=no"));
  git(guest, "fsck", "--strict");
}

/** A folder with its bare repository in `.bare` and one worktree. */
function bareLayout(bed: TestBed, dotGit = ".bare"): string {
  const source = makeRepository(`${bed.folder}/source`);
  const project = `${bed.folder}/project`;
  fs.mkdirSync(project);
  git(project, "clone", "-q", "--bare", source, dotGit);
  if (dotGit !== ".git") fs.writeFileSync(`${project}/.git`, `gitdir: ./${dotGit}\n`);
  git(project, "worktree", "add", "-q", "-b", "side", "work tree");
  return project;
}

for (const dotGit of [".bare", ".git"]) {
  gitTest(`a bare repository in ${dotGit}: the refusal names its worktree, which goes in`, async () => {
    using bed = testBed();
    const project = bareLayout(bed, dotGit);
    const { message, hint } = await refusal(bed, project);
    expect(message).toContain(`its git directory ${project}/${dotGit} is bare`);
    expect(hint).toContain(`banger vm run '${project}/work tree'`);
    await goesIn(bed, `${project}/work tree`);
  });
}

gitTest("a bare repository without worktrees", async () => {
  using bed = testBed();
  git(bed.folder, "clone", "-q", "--bare", makeRepository(`${bed.folder}/source`), "bare");
  const { message, hint } = await refusal(bed, `${bed.folder}/bare`);
  expect(message).toContain("it is a bare git repository");
  expect(hint).toContain("worktree add");
});

gitTest("the git directory of a repository: the refusal names the folder, and mentions no bare one", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  const { message, hint } = await refusal(bed, `${repo}/.git`);
  expect(message).toContain(`it is the git directory of ${repo}, which has the files`);
  expect(hint).not.toContain("worktree");
});

gitTest("a worktree that was moved: the command mends it, and leaves the main repository alone", async () => {
  using bed = testBed();
  const main = makeRepository(`${bed.folder}/main`);
  git(main, "worktree", "add", "-q", "-b", "side", `${bed.folder}/side`);
  fs.renameSync(`${bed.folder}/side`, `${bed.folder}/mo'ved`);
  const config = fs.readFileSync(`${main}/.git/config`, "utf8");
  const { message, hint } = await refusal(bed, `${bed.folder}/mo'ved`);
  expect(message).toContain(`was moved: its git directory still names ${bed.folder}/side`);
  runHint(hint);
  await goesIn(bed, `${bed.folder}/mo'ved`);
  expect(fs.readFileSync(`${main}/.git/config`, "utf8")).toBe(config);
});

gitTest("a worktree whose main repository was moved", async () => {
  using bed = testBed();
  const main = makeRepository(`${bed.folder}/main`);
  git(main, "worktree", "add", "-q", "-b", "side", `${bed.folder}/side`);
  fs.renameSync(main, `${bed.folder}/elsewhere`);
  const { message, hint } = await refusal(bed, `${bed.folder}/side`);
  expect(message).toContain(`${main}/.git/worktrees/side: its main repository was moved or removed`);
  const command = /`git (worktree repair [^`]+)`/.exec(hint)?.[1] ?? "";
  git(`${bed.folder}/elsewhere`, ...command.split(" "));
  await goesIn(bed, `${bed.folder}/side`);
});

gitTest("a copy of a worktree names the worktree, and advises nothing that would take it over", async () => {
  using bed = testBed();
  const main = makeRepository(`${bed.folder}/main`);
  git(main, "worktree", "add", "-q", "-b", "side", `${bed.folder}/side`);
  fs.cpSync(`${bed.folder}/side`, `${bed.folder}/copy`, { recursive: true });
  const { message, hint } = await refusal(bed, `${bed.folder}/copy`);
  expect(message).toContain(`its .git file is that of the worktree ${bed.folder}/side`);
  expect(hint).not.toMatch(/repair|config/);
});

gitTest("a worktree with relative paths, as git 2.48 can make it", async () => {
  using bed = testBed();
  const main = makeRepository(`${bed.folder}/main`);
  git(main, "worktree", "add", "-q", "-b", "side", `${bed.folder}/side`);
  fs.writeFileSync(`${bed.folder}/side/.git`, "gitdir: ../main/.git/worktrees/side\n");
  fs.writeFileSync(`${main}/.git/worktrees/side/gitdir`, "../../../../side/.git\n");
  await using plan = await planWorkspace(bed.deps, { folder: `${bed.folder}/side` });
  expect(plan.repositories[0]?.branch).toBe("side");
});

gitTest("a separate git directory: the command mends it; inside the folder it needs none", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "init", "-q", "--separate-git-dir", `${bed.folder}/store`);
  const { message, hint } = await refusal(bed, repo);
  expect(message).toContain(`its git directory is elsewhere, ${bed.folder}/store, and does not point back`);
  runHint(hint);
  await goesIn(bed, repo);
  const inside = makeRepository(`${bed.folder}/inside`);
  git(inside, "init", "-q", "--separate-git-dir", `${inside}/.store`);
  await goesIn(bed, inside);
});

gitTest("a claim to another repository gets no hint to rewire that one", async () => {
  using bed = testBed();
  const other = makeRepository(`${bed.folder}/other`);
  const bare = `${bed.folder}/bare.git`;
  git(bed.folder, "clone", "-q", "--bare", other, bare);
  for (const [name, target] of [
    ["a", `${other}/.git`],
    ["b", bare],
  ] as const) {
    write(`${bed.folder}/${name}`, { ".git": `gitdir: ${target}\n` });
    const { message, hint } = await refusal(bed, `${bed.folder}/${name}`);
    expect(message).toContain(target.replace(/\/\.git$/, ""));
    expect(hint).not.toContain("config");
  }
});

gitTest("a repository whose core.worktree names another folder: the command undoes that", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  git(repo, "worktree", "add", "-q", "-b", "side", `${bed.folder}/side`);
  git(repo, "config", "core.worktree", `${bed.folder}/side`);
  const { message, hint } = await refusal(bed, repo);
  expect(message).toContain(`its core.worktree names another folder, ${bed.folder}/side`);
  await using plan = await planWorkspace(bed.deps, { folder: `${bed.folder}/side` });
  expect(plan.repositories[0]?.branch).toBe("side");
  runHint(hint);
  await goesIn(bed, repo);
});

gitTest("a path that a shell would run is quoted in the command", async () => {
  using bed = testBed();
  const folder = `${bed.folder}/$(touch x)`;
  write(folder, { ".git": "gitdir: ../store\n" });
  git(bed.folder, "init", "-q", "--bare", "store");
  git(`${bed.folder}/store`, "config", "core.bare", "false");
  const { hint } = await refusal(bed, folder);
  expect(hint).toContain(`git -C '${folder}' config core.worktree '${folder}'`);
});

/** A checkout of Google's `repo` in `client`, with one project in `client/a/b`. */
function checkoutOfRepo(client: string, layout: "objects" | "links" | "one link" | "worktree"): string {
  const project = makeRepository(`${client}/a/b`);
  const dotGit = `${project}/.git`;
  const store = `${client}/.repo/projects/a/b.git`;
  const objects = `${client}/.repo/project-objects/name.git`;
  fs.mkdirSync(`${client}/.repo/projects/a`, { recursive: true });
  fs.mkdirSync(`${client}/.repo/project-objects`, { recursive: true });
  if (layout === "objects") {
    fs.renameSync(`${dotGit}/objects`, objects);
    fs.symlinkSync("../../../.repo/project-objects/name.git", `${dotGit}/objects`);
    return project;
  }
  fs.mkdirSync(objects);
  fs.renameSync(`${dotGit}/objects`, `${objects}/objects`);
  fs.renameSync(dotGit, store);
  fs.symlinkSync("../../../project-objects/name.git/objects", `${store}/objects`);
  if (layout === "one link") fs.symlinkSync("../../.repo/projects/a/b.git", dotGit);
  if (layout === "links") {
    fs.mkdirSync(dotGit);
    for (const name of ["config", "description", "hooks", "info", "logs", "objects", "refs"])
      fs.symlinkSync(`../../../.repo/projects/a/b.git/${name}`, `${dotGit}/${name}`);
    for (const name of ["HEAD", "index"]) fs.renameSync(`${store}/${name}`, `${dotGit}/${name}`);
    fs.writeFileSync(`${store}/HEAD`, "ref: refs/heads/main\n");
  }
  if (layout === "worktree") {
    git(client, "--git-dir", store, "worktree", "add", "-q", "-f", "-f", `${client}/w`, "HEAD");
    return `${client}/w`;
  }
  return project;
}

for (const layout of ["objects", "links", "one link", "worktree"] as const) {
  gitTest(`a checkout of repo goes in: ${layout}`, async () => {
    using bed = testBed();
    await goesIn(bed, checkoutOfRepo(`${bed.folder}/client`, layout));
  });
}

gitTest("another project of the same checkout can't be claimed, nor objects outside of it", async () => {
  using bed = testBed();
  const client = `${bed.folder}/client`;
  checkoutOfRepo(client, "one link");
  fs.mkdirSync(`${client}/evil`);
  fs.symlinkSync("../.repo/projects/a/b.git", `${client}/evil/.git`);
  expect((await refusal(bed, `${client}/evil`)).message).toContain("does not point back");
  const repo = makeRepository(`${client}/c`);
  fs.renameSync(`${repo}/.git/objects`, `${bed.folder}/objects`);
  fs.symlinkSync(`${bed.folder}/objects`, `${repo}/.git/objects`);
  const { message, hint } = await refusal(bed, repo);
  expect(message).toContain("objects is a symbolic link");
  runHint(hint);
  await goesIn(bed, repo);
});

gitTest("objects behind a link that stays in the folder", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.renameSync(`${repo}/.git/objects`, `${repo}/.objects`);
  fs.symlinkSync("../.objects", `${repo}/.git/objects`);
  await goesIn(bed, repo);
});

gitTest("refs behind a link: the refusal shows how to make a worktree instead", async () => {
  using bed = testBed();
  const main = makeRepository(`${bed.folder}/main`);
  const other = makeRepository(`${bed.folder}/other`);
  fs.rmSync(`${other}/.git/refs`, { recursive: true });
  fs.symlinkSync(`${main}/.git/refs`, `${other}/.git/refs`);
  const { message, hint } = await refusal(bed, other);
  expect(message).toContain(`${main}/.git/refs`);
  expect(hint).toContain("git worktree add");
});

/** Replaces its refs by the stack that git 2.47 wrote, with the commit that it names. */
function toReftable(repo: string): void {
  const empty = git(repo, "hash-object", "-w", "-t", "tree", "/dev/null").trim();
  const text = `tree ${empty}\nauthor n <e@x> 1577836800 +0000\ncommitter n <e@x> 1577836800 +0000\n\nx\n`;
  write(repo, { ".git/commit": text });
  expect(git(repo, "hash-object", "-w", "-t", "commit", ".git/commit").trim()).toBe(reftables.head);
  write(repo, { ".git/tag": `object ${reftables.head}\ntype commit\ntag v1\ntagger n <e@x> 1577836800 +0000\n\nt\n` });
  const names = reftables.sha1.map((_, i) => `0x${i}-0x${i}-0000000${i}.ref`);
  for (const [i, table] of reftables.sha1.entries()) write(repo, { [`.git/reftable/${names[i]}`]: unpacked(table) });
  write(repo, { ".git/reftable/tables.list": `${names.join("\n")}\n`, ".git/HEAD": "ref: refs/heads/.invalid\n" });
  fs.rmSync(`${repo}/.git/refs`, { recursive: true });
  write(repo, { ".git/refs/heads": "this repository uses the reftable format\n" });
  fs.appendFileSync(
    `${repo}/.git/config`,
    "[core]\nrepositoryformatversion = 1\n[extensions]\nrefstorage = reftable\n",
  );
  git(bedOf(repo), "--git-dir", `${repo}/.git`, "version");
  fs.rmSync(`${repo}/.git/index`);
}

function bedOf(repo: string): string {
  return repo.slice(0, repo.lastIndexOf("/"));
}

gitTest("refs as reftable", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  toReftable(repo);
  const { guest, plan } = await roundTrip(bed, { folder: repo });
  expect(plan.repositories[0]).toMatchObject({ branch: "main", head: reftables.head });
  expect(git(guest, "rev-parse", "main").trim()).toBe(reftables.head);
  expect(fs.readFileSync(`${guest}/.git/config`, "utf8")).not.toMatch(/refstorage/i);
});

gitTest("refs as reftable, before the first commit", async () => {
  using bed = testBed();
  const repo = makeRepository(`${bed.folder}/repo`);
  fs.rmSync(`${repo}/.git/refs/heads/main`);
  fs.rmSync(`${repo}/.git/index`);
  write(repo, { ".git/HEAD": "ref: refs/heads/.invalid\n" });
  fs.mkdirSync(`${repo}/.git/reftable`);
  const { guest } = await roundTrip(bed, { folder: repo });
  expect(git(guest, "status", "--porcelain=v2", "--branch")).toContain("branch.oid (initial)");
});

const broken: [what: string, remove: (repo: string) => string][] = [
  ["a file's content", (r) => git(r, "rev-parse", "HEAD:src/a.ts")],
  ["an older folder", (r) => git(r, "rev-parse", "HEAD~1:src")],
  ["an older commit", (r) => git(r, "rev-parse", "HEAD~1")],
  ["the commit itself", (r) => git(r, "rev-parse", "HEAD")],
];
for (const [what, remove] of broken) {
  gitTest(`an object that is missing is named before anything is copied: ${what}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(repo, { "src/a.ts": "other\n" });
    commit(repo, "second");
    git(repo, "tag", "v1");
    const oid = remove(repo).trim();
    fs.rmSync(`${repo}/.git/objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
    const sent = (async () => {
      await using plan = await planWorkspace(bed.deps, { folder: repo });
      await plan.prepare();
    })();
    await expect(sent).rejects.toMatchObject({ code: "WORKSPACE_INCOMPLETE" });
  });
}

gitTest("a missing alternate is reported", async () => {
  using bed = testBed();
  const source = makeRepository(`${bed.folder}/source`);
  git(bed.folder, "clone", "-q", "--shared", source, "clone");
  commit(`${bed.folder}/clone`, "own");
  fs.renameSync(source, `${bed.folder}/gone`);
  await using plan = await planWorkspace(bed.deps, { folder: `${bed.folder}/clone` });
  expect(plan.notes.map(({ text }) => text).join()).toContain(
    `should come from ${source}/.git/objects too, which does not exist`,
  );
  await expect(plan.prepare()).rejects.toMatchObject({ code: "WORKSPACE_INCOMPLETE" });
});

gitTest("--from in a partial clone says what the guest will have to fetch", async () => {
  using bed = testBed();
  const source = makeRepository(`${bed.folder}/source`);
  git(source, "config", "uploadpack.allowFilter", "true");
  write(source, { "README.md": "changed\n" });
  git(source, "commit", "-q", "-am", "second");
  git(bed.folder, "clone", "-q", "--filter=blob:none", `file://${source}`, "clone");
  await using plan = await planWorkspace(bed.deps, { folder: `${bed.folder}/clone`, from: "HEAD~1" });
  expect(plan.notes.map(({ text }) => text).join()).toContain("1 object of that commit");
});
