/** Work that comes back from a running VM into the repository that was sent. */
import { beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { git, makeRepository, write } from "./repo.ts";

vmSuite("workspace-pull", (home) => {
  const at = (name: string) => join(home().folder, name);
  const files = { "a.txt": "one\n", "b.txt": "two\n", "old.txt": "old\n", ".gitignore": "*.log\n" };
  const identity = "export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b;";
  const inGuest = (name: string, script: string) =>
    home().ok(["vm", "exec", name, "--", "sh", "-c", `cd /root/repo && ${identity} ${script}`]);
  const work = (...words: string[]) => home().ok(["vm", "workspace", ...words]);
  let repo = "";

  beforeAll(async () => {
    repo = makeRepository(at("repo"), files);
    write(repo, { "b.txt": "two, edited here\n" });
    await home().ok(["vm", "create", "--name", "w"]);
    await home().ok(["vm", "start", "--wait=agent", "w"]);
  }, 300_000);

  test("prepare sends a repository once; nothing was sent to another VM", async () => {
    expect((await work("prepare", "w", repo)).stderr).toContain("sent 4 files");
    const again = await home().banger(["vm", "workspace", "prepare", "w", repo]);
    expect([again.code, again.stderr]).toEqual([4, expect.stringContaining("has a /root/repo already")]);
    expect((await work("status", "w")).stdout).toMatch(
      /^sent from .*repo at [0-9a-f]{12}\nno new commits\nno uncommitted changes\n$/,
    );
    expect((await work("diff", "w")).stdout).toBe("");
  }, 120_000);

  test("status and diff show commits and uncommitted work", async () => {
    await inGuest("w", "echo committed >c.txt && git add c.txt && git commit -q -m theirs");
    await inGuest("w", "echo three >>b.txt && rm old.txt && mkdir d && printf '\\000\\001' >d/bin && echo no >x.log");
    const status = (await work("status", "w")).stdout;
    expect(status).toContain("refs/banger/w/main");
    expect(status).toContain("1 commit\n");
    expect(status).toEndWith("uncommitted changes:\n  M b.txt\n  A d/bin\n  D old.txt\n");
    const diff = (await work("diff", "w")).stdout;
    expect(diff).toContain(" two, edited here\n+three\n");
    expect(diff).toContain("GIT binary patch");
    expect(diff).toContain("+committed\n");
    expect(diff).not.toContain("x.log");
  }, 120_000);

  test("pull brings commits and files, and undo takes the files back", async () => {
    const before = git(repo, "status", "--porcelain");
    const { stderr } = await work("pull", "w", "--branch", "from-w");
    expect(stderr).toContain("applied 3 files");
    expect(git(repo, "log", "--format=%s", "from-w")).toBe("theirs\nfirst\n");
    expect(git(repo, "rev-parse", "refs/banger/w/main")).toBe(git(repo, "rev-parse", "from-w"));
    expect(readFileSync(join(repo, "b.txt"), "utf8")).toBe("two, edited here\nthree\n");
    expect(readdirSync(repo).sort()).toEqual([".git", ".gitignore", "a.txt", "b.txt", "d"]);
    expect((await work("undo", repo)).stderr).toContain("took back the last pull from w: 3 files");
    expect(git(repo, "status", "--porcelain")).toBe(before);
    git(repo, "fsck", "--strict");
  }, 120_000);

  test("a file that changed on both sides stops all of it, until it may be replaced", async () => {
    write(repo, { "b.txt": "changed since\n" });
    const refused = await home().banger(["vm", "workspace", "pull", "w"]);
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringContaining("b.txt has changed here since it was sent"),
    ]);
    expect(existsSync(join(repo, "old.txt"))).toBe(true);
    const patch = await work("pull", "w", "--patch", at("p"));
    expect(patch.stdout).toBe("");
    expect(readFileSync(at("p"), "utf8")).toContain("deleted file mode");
    await work("pull", "w", "--overwrite");
    expect(readFileSync(join(repo, "b.txt"), "utf8")).toBe("two, edited here\nthree\n");
    await work("undo", repo);
    expect(readFileSync(join(repo, "b.txt"), "utf8")).toBe("changed since\n");
  }, 120_000);

  test("a fork has what its VM has", async () => {
    await home().ok(["vm", "fork", "w", "w2"]);
    await inGuest("w2", "echo fork >f.txt");
    expect((await work("status", "w2")).stdout).toContain("A f.txt");
    expect((await work("status", "w")).stdout).not.toContain("f.txt");
    const other = await home().banger(["vm", "workspace", "status", "nobody"]);
    expect(other.code).toBe(3);
  }, 240_000);

  test("vm run --rm --pull: the work is here, the VM is gone, the exit code is the command's", async () => {
    const own = makeRepository(join(mkdtempSync(at("own-")), "repo"), files);
    const script = `${identity} echo new >n.txt; git add n.txt; git commit -q -m made; echo more >>a.txt; exit 7`;
    const ran = await home().banger([
      "vm",
      "run",
      "--name",
      "r",
      "--rm",
      "--pull",
      "--wait=agent",
      own,
      "--",
      "sh",
      "-c",
      script,
    ]);
    expect(ran.code).toBe(7);
    expect(git(own, "log", "--format=%s", "refs/banger/r/main")).toBe("made\nfirst\n");
    expect(readFileSync(join(own, "a.txt"), "utf8")).toBe("one\nmore\n");
    expect((await home().banger(["vm", "show", "r"])).code).toBe(3);
  }, 240_000);

  test("where the pull fails, the VM is kept and the exit code stays", async () => {
    const own = makeRepository(join(mkdtempSync(at("own-")), "repo"), files);
    const script = "rm -rf .git; echo kept >k.txt; exit 3";
    const ran = await home().banger([
      "vm",
      "run",
      "--name",
      "k",
      "--rm",
      "--pull",
      "--wait=agent",
      own,
      "--",
      "sh",
      "-c",
      script,
    ]);
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining('VM "k" is kept with the work in it')]);
    expect((await inGuest("k", "cat k.txt")).stdout).toBe("kept\n");
    await home().ok(["vm", "delete", "k"]);
  }, 240_000);

  test("a guest without git is told from one whose repository is gone", async () => {
    await inGuest("w2", "mv /usr/bin/git /usr/bin/git.away");
    const none = await home().banger(["vm", "workspace", "pull", "w2"]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("the guest has no git")]);
    await inGuest("w2", "mv /usr/bin/git.away /usr/bin/git && rm -rf .git");
    const gone = await home().banger(["vm", "workspace", "pull", "w2"]);
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("is no git repository")]);
  }, 120_000);
});
