/** Which branches the guest has beside its own, and its committer identity. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { planWorkspace } from "./plan.ts";
import { commit, git, gitTest, makeRepository, roundTrip, type TestBed, testBed, write } from "./testing/repository.ts";

/** A clone on the branch `feat`, with a commit of its own; its remote's `main` has one more. */
function featureClone(bed: TestBed): string {
  const up = makeRepository(`${bed.folder}/up`);
  const clone = `${bed.folder}/clone`;
  git(bed.folder, "clone", "-q", up, clone);
  git(clone, "checkout", "-q", "-b", "feat");
  commit(clone, "feature");
  git(up, "checkout", "-q", "-b", "release");
  commit(up, "released");
  git(up, "checkout", "-q", "main");
  commit(up, "ahead");
  git(clone, "fetch", "-q");
  return clone;
}

function refsOf(guest: string): string[] {
  return git(guest, "for-each-ref", "--format=%(refname:short) %(symref:short)")
    .trim()
    .split("\n")
    .map((line) => line.trim());
}

gitTest("the remote's default branch goes in: git diff origin/main...HEAD", async () => {
  using bed = testBed();
  const { guest, plan } = await roundTrip(bed, { folder: featureClone(bed) });
  expect(git(guest, "diff", "--name-only", "origin/main...HEAD")).toBe("feature.txt\n");
  expect(refsOf(guest)).toEqual(["feat", "origin/HEAD origin/main", "origin/main"]);
  expect(git(guest, "status", "--porcelain")).toBe("");
  expect(git(guest, "log", "-1", "--format=%s", "origin/HEAD")).toBe("ahead\n");
  expect(plan.repositories[0]?.branches).toEqual(["origin/main"]);
  git(guest, "fsck", "--strict");
});

gitTest("without origin/HEAD it is the branch of a usual name", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  git(clone, "remote", "set-head", "origin", "--delete");
  const { guest } = await roundTrip(bed, { folder: clone });
  expect(refsOf(guest)).toEqual(["feat", "origin/main"]);
});

gitTest("a branch of a fork has the fork's default branch and origin's", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  git(clone, "remote", "add", "fork", `${bed.folder}/up`);
  git(clone, "remote", "add", "other", `${bed.folder}/up`);
  git(clone, "fetch", "-q", "--all");
  git(clone, "branch", "-q", "--set-upstream-to", "fork/release");
  const { guest } = await roundTrip(bed, { folder: clone });
  expect(refsOf(guest)).toEqual(["feat", "fork/main", "fork/release", "origin/HEAD origin/main", "origin/main"]);
  expect(git(guest, "rev-parse", "--abbrev-ref", "@{upstream}")).toBe("fork/release\n");
});

gitTest("a remote of another name, and none at all", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  git(clone, "remote", "rename", "origin", "company");
  expect(refsOf((await roundTrip(bed, { folder: clone })).guest)).toContain("company/main");
  expect(refsOf((await roundTrip(bed, { folder: `${bed.folder}/up` })).guest)).toEqual(["main"]);
});

gitTest("branches that are named go in, local and of a remote, with their upstream", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  const branches = ["main", "origin/release"];
  const { guest, plan } = await roundTrip(bed, { folder: clone, branches });
  expect(refsOf(guest)).toEqual(["feat", "main", "origin/HEAD origin/main", "origin/main", "origin/release"]);
  expect(git(guest, "rev-parse", "--abbrev-ref", "main@{upstream}")).toBe("origin/main\n");
  expect(git(guest, "log", "-1", "--format=%s", "origin/release")).toBe("released\n");
  expect(plan.repositories[0]?.branches).toEqual(["origin/main", "main", "origin/release"]);
  git(guest, "fsck", "--strict");
});

gitTest("a branch that only a remote has may be named without the remote, as for git checkout", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  const sent = async () => refsOf((await roundTrip(bed, { folder: clone, branches: ["release"] })).guest);
  expect(await sent()).toEqual(["feat", "origin/HEAD origin/main", "origin/main", "origin/release"]);
  git(clone, "remote", "add", "a", `${bed.folder}/up`);
  git(clone, "fetch", "-q", "a");
  expect(await sent()).toContain("origin/release");
  git(clone, "remote", "rename", "origin", "b");
  await expect(sent()).rejects.toMatchObject({ code: "WORKSPACE_REF" });
  git(clone, "branch", "-q", "release", "HEAD");
  expect(await sent()).toContain("release");
});

gitTest("--depth cuts the branches too", async () => {
  using bed = testBed();
  const { guest } = await roundTrip(bed, { folder: featureClone(bed), depth: 1 });
  expect(git(guest, "rev-list", "--all", "--count")).toBe("2\n");
  git(guest, "fsck", "--strict");
});

gitTest("with --from and --branch the default branch is there as well", async () => {
  using bed = testBed();
  const { guest } = await roundTrip(bed, { folder: featureClone(bed), from: "origin/release", branch: "fix" });
  expect(refsOf(guest)).toEqual(["fix", "origin/HEAD origin/main", "origin/main"]);
});

gitTest("a branch that does not exist is reported before anything else", async () => {
  using bed = testBed();
  const clone = featureClone(bed);
  for (const name of ["none", "", "-x", "../feat", "origin/none"]) {
    const plan = planWorkspace(bed.deps, { folder: clone, branches: [name] });
    await expect(plan).rejects.toMatchObject({ code: "WORKSPACE_REF" });
  }
  write(`${bed.folder}/plain`, { a: "" });
  const plain = planWorkspace(bed.deps, { folder: `${bed.folder}/plain`, branches: ["main"] });
  await expect(plain).rejects.toThrow("--with-branch needs a git repository");
});

const people: [name: string, files: Record<string, string>, expected: string][] = [
  ["~/.gitconfig", { "home/.gitconfig": '[user]\nname = Ann "\\"B\\"" C\nemail = a@b.c\n' }, 'Ann "B" C <a@b.c>'],
  [
    "an include for this folder",
    {
      "home/.gitconfig": '[user]\nname=n\nemail=a@b.c\n[includeIf "gitdir:**/repo/"]\npath=work\n',
      "home/work": "[user]\nemail=n@work\n",
    },
    "n <n@work>",
  ],
];
for (const [name, files, expected] of people) {
  gitTest(`the guest knows its committer: ${name}`, async () => {
    using bed = testBed();
    const repo = makeRepository(`${bed.folder}/repo`);
    write(bed.folder, {
      ...files,
      "home/.gitconfig": `${files["home/.gitconfig"]}[user]\nsigningKey=secret\n[alias]\nx=!x\n`,
    });
    const { guest } = await roundTrip(bed, { folder: repo });
    const env = { PATH: process.env["PATH"] ?? "", HOME: guest, GIT_CONFIG_NOSYSTEM: "1" };
    Bun.spawnSync(["git", "commit", "-q", "--allow-empty", "-m", "x"], { cwd: guest, env });
    expect(git(guest, "log", "-1", "--format=%an <%ae>").trim()).toBe(expected);
    expect(fs.readFileSync(`${guest}/.git/config`, "utf8")).not.toMatch(/secret|alias/);
  });
}
