/** What the guest gets of a repository, and that git sees the same there as on the host. */
import { beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";
import { git, makeRepository, write } from "./repo.ts";

/** seconds since 1970, by name */
const times = {
  "edited.txt": "1700000000.123456788",
  "staged.txt": "1700000000.123456789",
  "kept.txt": "1700000000.999999999",
  "run.sh": "-2.250000000",
  link: "1700000001.000000001",
  deep: "1700000002.700000000",
};

vmSuite("workspace", (home) => {
  let repo = "";
  const inGuest = async (name: string, script: string) =>
    (await home().ok(["vm", "exec", name, "--", "sh", "-c", `cd /root/repo && ${script}`])).stdout;

  beforeAll(async () => {
    const library = makeRepository(join(home().folder, "library"), { "lib.txt": "a submodule's file\n" });
    repo = makeRepository(join(home().folder, "my project"), {
      "kept.txt": "kept\n",
      "edited.txt": "before\n",
      "deleted.txt": "gone soon\n",
      "run.sh": "#!/bin/sh\necho ran\n",
      "deep/er/file.txt": "deep\n",
      "ümläut ☃.txt": "unicode\n",
      ".gitignore": "ignored/\n",
    });
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library, "sub");
    chmodSync(join(repo, "run.sh"), 0o755);
    symlinkSync("kept.txt", join(repo, "link"));
    git(repo, "add", "-A");
    git(repo, "commit", "-q", "-m", "second");
    git(repo, "remote", "add", "origin", "https://user:secret@example.invalid/repo.git");
    write(repo, {
      "edited.txt": "after\n",
      "staged.txt": "staged\n",
      "untracked.txt": "untracked\n",
      "ignored/big": "x",
    });
    git(repo, "add", "staged.txt");
    rmSync(join(repo, "deleted.txt"));
    for (const [name, time] of Object.entries(times))
      Bun.spawnSync(["touch", "--no-dereference", "--date", `@${time}`, join(repo, name)]);
    await home().ok(["vm", "run", "--name", "w", "--detach", "--wait=agent", repo]);
  }, 300_000);

  test("git status in the guest equals the host's, apart from files that were not sent", async () => {
    const here = git(repo, "status", "--porcelain")
      .split("\n")
      .filter((line) => !line.startsWith("??"));
    expect((await inGuest("w", "git status --porcelain")).split("\n")).toEqual(here);
    expect(await inGuest("w", "git log --format=%H")).toBe(git(repo, "log", "--format=%H"));
    expect(await inGuest("w", "git diff HEAD")).toBe(git(repo, "diff", "HEAD"));
    expect(await inGuest("w", "git fsck 2>&1; git branch --show-current")).toContain("main");
  });

  test("files are there as on disk: edits, modes, links, odd names, the submodule's files", async () => {
    expect(
      await inGuest(
        "w",
        "cat edited.txt staged.txt 'ümläut ☃.txt' sub/lib.txt deep/er/file.txt; ./run.sh; readlink link",
      ),
    ).toBe("after\nstaged\nunicode\na submodule's file\ndeep\nran\nkept.txt\n");
    expect(await inGuest("w", "ls deleted.txt untracked.txt ignored 2>/dev/null; true")).toBe("");
    expect(await inGuest("w", "stat -c %U:%G kept.txt .git")).toBe("root:root\nroot:root\n");
  });

  test("modification times arrive to the nanosecond, before 1970 too", async () => {
    const names = Object.keys(times);
    const there = await inGuest("w", `stat -c %.9Y ${names.join(" ")}`);
    expect(there.trim().split("\n")).toEqual(Object.values(times));
    expect(await inGuest("w", "test staged.txt -nt edited.txt && echo newer")).toBe("newer\n");
  });

  test("remotes come without credentials", async () => {
    const config = await inGuest("w", "cat .git/config; git remote -v");
    expect(config).toContain("example.invalid/repo.git");
    expect(config).not.toContain("secret");
  });

  test("commands and shells start in the workspace", async () => {
    await home().ok(["vm", "delete", "w"]);
    const done = await home()
      .ok(
        [
          "vm",
          "run",
          "--rm",
          "--wait=agent",
          "--include-untracked",
          repo,
          "--",
          "sh",
          "-c",
          "pwd; cat untracked.txt; ls ignored",
        ],
        {},
      )
      .catch((error: Error) => error);
    const said = done instanceof Error ? done.message : done.stdout;
    expect(said).toContain("/root/repo\nuntracked\n");
    expect(said).not.toContain("big");
  }, 240_000);

  test("--branch with --from: the tree is REF's, edits are left out and this is reported", async () => {
    const done = await home().ok([
      "vm",
      "run",
      "--rm",
      "--wait=agent",
      "--branch",
      "fix",
      "--from",
      "HEAD~1",
      repo,
      "--",
      "sh",
      "-c",
      "git status --short --branch; git log --format=%s; cat edited.txt",
    ]);
    expect(done.stdout).toBe("## fix\nfirst\nbefore\n");
    expect(done.stderr).toMatch(/edits|uncommitted/);
  }, 240_000);

  test("--dry-run prints the exact list and creates nothing", async () => {
    const { stdout } = await home().ok(["vm", "run", "--dry-run", repo]);
    const listed = stdout.split("\n");
    for (const name of ["kept.txt", "edited.txt", "staged.txt", "sub/lib.txt", "ümläut ☃.txt"])
      expect(listed.some((line) => line.endsWith(name))).toBe(true);
    for (const name of ["untracked.txt", "deleted.txt", "ignored/big"])
      expect(listed.some((line) => line.endsWith(name))).toBe(false);
    expect(await home().json(["vm", "ls"])).toEqual([]);
  });

  test("a hostile repository runs nothing on the host", async () => {
    const trap = join(home().folder, "trapped");
    const hostile = makeRepository(join(home().folder, "hostile"), {
      "a.txt": "a\n",
      ".gitattributes": "* filter=evil diff=evil\n",
    });
    const run = `touch ${trap}`;
    for (const key of [
      "core.fsmonitor",
      "core.sshCommand",
      "core.pager",
      "core.editor",
      "filter.evil.clean",
      "filter.evil.smudge",
      "filter.evil.process",
      "diff.evil.textconv",
      "diff.external",
      "credential.helper",
      "uploadpack.packObjectsHook",
      "alias.ls-files",
    ]) {
      git(hostile, "config", key, key.startsWith("alias") ? `!${run}` : run);
    }
    git(hostile, "config", "core.hooksPath", join(hostile, "hooks"));
    mkdirSync(join(hostile, "hooks"));
    for (const hook of ["post-index-change", "post-checkout", "pre-commit", "reference-transaction"]) {
      write(hostile, { [`hooks/${hook}`]: `#!/bin/sh\n${run}\n` });
      chmodSync(join(hostile, "hooks", hook), 0o755);
    }
    write(hostile, {
      "a.txt": "changed\n",
      ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/never\n',
    });
    const { stdout } = await home().ok(["vm", "run", "--dry-run", hostile]);
    expect(stdout).toContain("a.txt");
    const done = await home().ok(["vm", "run", "--rm", "--wait=agent", hostile, "--", "cat", "a.txt"]);
    expect(done.stdout).toBe("changed\n");
    expect(existsSync(trap)).toBe(false);
  }, 240_000);

  test("a folder that is not a repository is sent whole, with a notice; / and the home are refused", async () => {
    const plain = join(home().folder, "plain");
    write(plain, { "x/y.txt": "y\n", ".hidden": "h\n" });
    const dry = await home().ok(["vm", "run", "--dry-run", plain]);
    expect(dry.stdout).toContain("x/y.txt");
    expect(dry.stdout).toContain(".hidden");
    expect(dry.stderr).toMatch(/not a git repository/);
    for (const folder of ["/", home().folder]) {
      const refused = await home().banger(["vm", "run", "--dry-run", folder]);
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("can't be a workspace")]);
    }
  });

  test("workspace flags without a workspace are refused with a reason", async () => {
    for (const flags of [["--include-untracked"], ["--dry-run"], ["--branch", "b"]]) {
      const refused = await home().banger(["vm", "run", ...flags]);
      expect([flags[0], refused.code]).toEqual([flags[0], 2]);
      expect(refused.stderr).toContain(flags[0] ?? "");
    }
  });

  test("a tool-versions file starts mise in the background, with a log", async () => {
    const tooled = makeRepository(join(home().folder, "tooled"), { ".tool-versions": "jq 99.99.99\n" });
    await home().ok(["vm", "run", "--name", "t", "--detach", "--wait=agent", tooled]);
    const log = "/root/.cache/banger/vm-run-tooling-tooled.log";
    await until(
      "mise wrote its log",
      async () => (await home().banger(["vm", "exec", "t", "--", "test", "-s", log])).code === 0,
      90_000,
    );
    await home().ok(["vm", "delete", "t"]);
  }, 240_000);
});
