/** Refusals, plain folders, and changes during the reading. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { dryRun } from "./dry-run.ts";
import { planWorkspace } from "./plan.ts";
import { workspaceTar } from "./stream.ts";
import { git, gitTest, makeRepository, roundTrip, type TestBed, testBed, unpack, write } from "./testing/repository.ts";
import type { WorkspaceRequest } from "./types.ts";

async function errorOf(bed: TestBed, request: WorkspaceRequest): Promise<{ code: string; message: string }> {
  const error = await planWorkspace(bed.deps, request).catch((each) => each);
  expect(error).toBeInstanceOf(Error);
  expect(fs.existsSync(bed.deps.scratch) ? fs.readdirSync(bed.deps.scratch) : []).toEqual([]);
  return error;
}

type Refusal = { name: string; make: (bed: TestBed) => WorkspaceRequest; code?: string; says: string };

const repo = (bed: TestBed, more: Partial<WorkspaceRequest> = {}) => ({
  folder: makeRepository(`${bed.folder}/repo`),
  ...more,
});

const refusals: Refusal[] = [
  { name: "the root", make: () => ({ folder: "/" }), says: "it is the whole file system" },
  { name: "home", make: (b) => ({ folder: b.home }), says: "it is your home directory" },
  {
    name: "home by a link",
    make: (b) => {
      fs.symlinkSync(b.home, `${b.folder}/link`);
      return { folder: `${b.folder}/link` };
    },
    says: "it is your home directory",
  },
  {
    name: "home as a repository",
    make: (b) => ({ folder: makeRepository(b.home) }),
    says: "it is your home directory",
  },
  { name: "a parent of home", make: (b) => ({ folder: b.folder }), says: "your home directory is inside it" },
  { name: "nothing there", make: (b) => ({ folder: `${b.folder}/none` }), says: "there is no such folder" },
  {
    name: "a file",
    make: (b) => {
      write(b.folder, { file: "" });
      return { folder: `${b.folder}/file` };
    },
    says: "it is a file, not a folder",
  },
  {
    name: "a bare repository",
    make: (b) => {
      git(b.folder, "init", "-q", "--bare", "bare");
      return { folder: `${b.folder}/bare` };
    },
    says: "it is a bare git repository",
  },
  {
    name: "a .git that points nowhere",
    make: (b) => {
      write(`${b.folder}/x`, { ".git": "gitdir: ../none\n" });
      return { folder: `${b.folder}/x` };
    },
    says: "points to a folder that does not exist",
  },
  {
    name: "a .git that is none",
    make: (b) => {
      write(`${b.folder}/x`, { ".git": "hello\n" });
      return { folder: `${b.folder}/x` };
    },
    says: "its .git file is none of git's",
  },
  {
    name: "a .git file to another's repository",
    make: (b) => {
      write(`${b.folder}/x`, { ".git": `gitdir: ${repo(b).folder}/.git\n` });
      return { folder: `${b.folder}/x` };
    },
    says: "does not point back",
  },
  {
    name: "a .git link to another's repository",
    make: (b) => {
      fs.mkdirSync(`${b.folder}/x`);
      fs.symlinkSync(`${repo(b).folder}/.git`, `${b.folder}/x/.git`);
      return { folder: `${b.folder}/x` };
    },
    says: "does not point back",
  },
  {
    name: "a commondir to another's repository",
    make: (b) => {
      makeRepository(`${b.folder}/private`);
      const { folder } = repo(b);
      write(folder, { ".git/commondir": "../../private/.git\n" });
      return { folder };
    },
    says: "claims another repository's history",
  },
  {
    name: "refs as a link to another's",
    make: (b) => {
      makeRepository(`${b.folder}/private`);
      const { folder } = repo(b);
      fs.rmSync(`${folder}/.git/refs`, { recursive: true });
      fs.symlinkSync(`${b.folder}/private/.git/refs`, `${folder}/.git/refs`);
      return { folder };
    },
    says: "refs is a symbolic link",
  },
  {
    name: "--branch for a plain folder",
    make: (b) => {
      write(`${b.folder}/x`, { a: "" });
      return { folder: `${b.folder}/x`, branch: "b" };
    },
    says: "--branch needs a git repository",
  },
  {
    name: "--from for a plain folder",
    make: (b) => {
      write(`${b.folder}/x`, { a: "" });
      return { folder: `${b.folder}/x`, from: "b" };
    },
    says: "--from needs a git repository",
  },
  {
    name: "a branch that exists",
    make: (b) => repo(b, { branch: "main" }),
    code: "FLAG_INVALID",
    says: "already exists",
  },
  {
    name: "a branch in the way of another",
    make: (b) => repo(b, { branch: "main/x" }),
    code: "FLAG_INVALID",
    says: 'can\'t be beside the branch "main"',
  },
  ...["", "-x", "a..b", "a b", "x.lock", "/x", "x/", "@{-1}", "HEAD", "a\u0000b", "a~1"].map(
    (branch): Refusal => ({
      name: `branch ${JSON.stringify(branch)}`,
      make: (b) => repo(b, { branch }),
      code: "FLAG_INVALID",
      says: "is not a branch name",
    }),
  ),
  ...["none", "--all", "-h", "", "main..main", "HEAD^{tree}", "a\nb", "@{upstream}", "0".repeat(40)].map(
    (from): Refusal => ({
      name: `ref ${JSON.stringify(from)}`,
      make: (b) => repo(b, { from }),
      code: "WORKSPACE_REF",
      says: "is not a commit",
    }),
  ),
  { name: "depth 0", make: (b) => repo(b, { depth: 0 }), code: "FLAG_INVALID", says: "--depth" },
  { name: "depth 1.5", make: (b) => repo(b, { depth: 1.5 }), code: "FLAG_INVALID", says: "--depth" },
  {
    name: "a damaged HEAD",
    make: (b) =>
      ((r) => {
        write(r.folder, { ".git/HEAD": "junk" });
        return r;
      })(repo(b)),
    code: "WORKSPACE_GIT",
    says: "its HEAD is damaged",
  },
  {
    name: "a damaged index",
    make: (b) =>
      ((r) => {
        write(r.folder, { ".git/index": "junk" });
        return r;
      })(repo(b)),
    code: "WORKSPACE_GIT",
    says: "its index is damaged",
  },
  {
    name: "an index cut off",
    make: (b) =>
      ((r) => {
        fs.truncateSync(`${r.folder}/.git/index`, 60);
        return r;
      })(repo(b)),
    code: "WORKSPACE_GIT",
    says: "its index is damaged",
  },
];

for (const { name, make, code, says } of refusals) {
  gitTest(`refused: ${name}`, async () => {
    using bed = testBed();
    const error = await errorOf(bed, make(bed));
    expect([error.code, error.message]).toEqual([code ?? "WORKSPACE_REFUSED", expect.stringContaining(says)]);
  });
}

gitTest("missing history is reported before anything is copied, and nothing is left", async () => {
  using bed = testBed();
  const { folder } = repo(bed);
  const tree = git(folder, "rev-parse", "HEAD:src").trim();
  fs.rmSync(`${folder}/.git/objects/${tree.slice(0, 2)}/${tree.slice(2)}`);
  await using plan = await planWorkspace(bed.deps, { folder });
  const chunks: Uint8Array[] = [];
  const sent = (async () => {
    for await (const chunk of workspaceTar(plan)) chunks.push(chunk);
  })();
  await expect(sent).rejects.toMatchObject({ code: "WORKSPACE_INCOMPLETE" });
  expect(chunks).toEqual([]);
  await plan.dispose();
  expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
});

gitTest("a plain folder goes in whole, after saying so", async () => {
  using bed = testBed();
  const folder = `${bed.folder}/plain`;
  write(folder, { "a.txt": "12345", "sub/b": "1", "sub/.git/config": "[x]\n" });
  fs.symlinkSync("/etc/passwd", `${folder}/link`);
  fs.mkdirSync(`${folder}/empty`);
  fs.chmodSync(`${folder}/a.txt`, 0o6751);
  const { guest, plan } = await roundTrip(bed, { folder });
  expect(plan.kind).toBe("folder");
  expect(plan.totals).toEqual({ files: 4, bytes: 10 });
  expect(plan.notes[0]?.text).toBe(`${folder} is not a git repository: all of it is copied, 4 files, 10 B`);
  expect(plan.notes[1]?.text).toContain("sub/.git: a repository's git directory");
  expect(fs.readdirSync(guest, { recursive: true }).sort()).toEqual(fs.readdirSync(folder, { recursive: true }).sort());
  expect(fs.readlinkSync(`${guest}/link`)).toBe("/etc/passwd");
  expect(fs.statSync(`${guest}/a.txt`).mode & 0o7777).toBe(0o751);
});

gitTest("a folder below a home that is a repository itself is a plain folder", async () => {
  using bed = testBed();
  makeRepository(bed.home);
  write(bed.home, { "project/a": "1" });
  const { plan } = await roundTrip(bed, { folder: `${bed.home}/project` });
  expect(plan.kind).toBe("folder");
  expect(plan.notes[0]?.text).toContain("your home directory");
});

gitTest(
  "a file that shrinks while it is read ends the stream, one that grows is cut, one that is gone is left out",
  async () => {
    using bed = testBed();
    const { folder } = repo(bed);
    write(folder, { big: new Uint8Array(3_000_000), later: "1", gone: "1" });
    git(folder, "add", "-A");
    await using plan = await planWorkspace(bed.deps, { folder });
    write(folder, { later: "grown since the plan" });
    fs.rmSync(`${folder}/gone`);
    const vanished: string[] = [];
    const guest = fs.mkdtempSync(`${bed.folder}/guest-`);
    await unpack(workspaceTar(plan, { onVanished: (path) => vanished.push(path) }), guest);
    expect(vanished).toEqual(["gone"]);
    expect(fs.readFileSync(`${guest}/later`, "utf8")).toBe("grown since the plan");
    await using again = await planWorkspace(bed.deps, { folder });
    const stream = workspaceTar(again);
    await stream.next();
    fs.truncateSync(`${folder}/big`, 1_000_000);
    const error = await (async () => {
      for await (const _ of stream);
    })().catch((each) => each);
    expect([error.code, error.message]).toEqual([
      "WORKSPACE_COPY",
      expect.stringContaining("big into the VM failed: it shrank while it was read"),
    ]);
  },
);

gitTest("a reader that stops early leaves nothing behind", async () => {
  using bed = testBed();
  const { folder } = repo(bed);
  write(folder, { big: new Uint8Array(3_000_000) });
  git(folder, "add", "-A");
  {
    await using plan = await planWorkspace(bed.deps, { folder });
    for await (const _ of workspaceTar(plan)) break;
  }
  expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
});

gitTest("mise is started where the project names tools", async () => {
  using bed = testBed();
  const folder = makeRepository(`${bed.folder}/my repo`);
  write(folder, { "mise.toml": "[tools]\n" });
  await using before = await planWorkspace(bed.deps, { folder });
  expect(before.tooling).toBeNull();
  git(folder, "add", "-A");
  await using plan = await planWorkspace(bed.deps, { folder });
  expect([plan.tooling?.log, plan.tooling?.cwd]).toEqual([
    "/root/.cache/banger/vm-run-tooling-my-repo.log",
    "/root/repo",
  ]);
});

gitTest("the scratch of a process that is gone is removed", async () => {
  using bed = testBed();
  const stale = `${bed.deps.scratch}/4194300-1-0123456789`;
  fs.mkdirSync(stale, { recursive: true });
  await using plan = await planWorkspace(bed.deps, repo(bed));
  expect(plan.kind).toBe("git");
  expect(fs.existsSync(stale)).toBe(false);
});

gitTest("--dry-run lists exactly what would be sent", async () => {
  using bed = testBed();
  const { folder } = repo(bed);
  fs.symlinkSync("README.md", `${folder}/link`);
  git(folder, "add", "-A");
  write(folder, { "README.md": "longer than before\n" });
  await using plan = await planWorkspace(bed.deps, { folder });
  const listed = await dryRun(plan);
  expect(listed.entries.map(({ path, kind, mode, bytes, target }) => [path, kind, mode, bytes, target ?? ""])).toEqual([
    ["README.md", "file", "0644", 19, ""],
    ["bin", "folder", "0755", 0, ""],
    ["bin/run", "file", "0755", 10, ""],
    ["link", "link", "0777", 0, "README.md"],
    ["src", "folder", "0755", 0, ""],
    ["src/a.ts", "file", "0644", 20, ""],
    ["src/deep", "folder", "0755", 0, ""],
    ["src/deep/b.ts", "file", "0644", 2, ""],
  ]);
  expect(listed.totals).toEqual({ files: 5, bytes: 51 });
  await using from = await planWorkspace(bed.deps, { folder, from: "HEAD" });
  expect((await dryRun(from)).entries.map(({ path, bytes }) => `${path} ${bytes}`)).toEqual([
    "README.md 6",
    "bin/run 10",
    "src/a.ts 20",
    "src/deep/b.ts 2",
  ]);
});

gitTest("a missing git and a full disk have their own errors", async () => {
  using bed = testBed();
  const { folder } = repo(bed);
  const said = (stderr: string) => ({
    ...bed,
    deps: {
      ...bed.deps,
      exec: async (argv: readonly string[]) => ({
        argv,
        exitCode: 128,
        signal: null,
        stdout: new Uint8Array(),
        stderr: Buffer.from(stderr),
        durationMs: 1,
      }),
    },
  });
  expect(await errorOf(said("error: x\nfatal: write error: No space left on device\n"), { folder })).toHaveProperty(
    "code",
    "DISK_FULL",
  );
  const failed = await errorOf(said("fatal: \u001b[31mbad https://u:p@h/x\n"), { folder });
  expect(failed.message).toEndWith("git ls-files: bad https://h/x");
});

gitTest("a cancelled plan ends its git", async () => {
  using bed = testBed();
  const { folder } = repo(bed);
  const plan = await planWorkspace(bed.deps, { folder });
  void plan.prepare();
  await plan.dispose();
  await plan.dispose();
  expect(fs.readdirSync(bed.deps.scratch)).toEqual([]);
});

const odd = (folder: string, name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);

gitTest("a plain folder may have a path of any bytes, and is the one that was named", async () => {
  using bed = testBed();
  fs.mkdirSync(odd(bed.folder, "caf\xe9"));
  fs.writeFileSync(odd(bed.folder, "caf\xe9/in\xff"), "exact");
  fs.mkdirSync(`${bed.folder}/caf\ufffd`);
  await using plan = await planWorkspace(bed.deps, { folder: `${bed.folder}/caf\udce9` });
  expect(plan.root).toBe(`${bed.folder}/caf\udce9`);
  expect(plan.entries.map(({ path }) => path)).toEqual(["in\xff"]);
  expect(plan.notes[0]?.text).toContain("caf\\xe9 is not a git repository");
  const chunks: Uint8Array[] = [];
  for await (const chunk of workspaceTar(plan)) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString("latin1")).toContain("exact");
});

gitTest(
  "a repository at such a path is refused by its reason; a subfolder of one is where commands start",
  async () => {
    using bed = testBed();
    const made = makeRepository(`${bed.folder}/repo`);
    fs.mkdirSync(odd(made, "caf\xe9"));
    const plan = await planWorkspace(bed.deps, { folder: `${made}/caf\udce9` });
    expect(plan.guestCwd).toBe("/root/repo/caf\udce9");
    await plan.dispose();
    fs.renameSync(made, odd(bed.folder, "r\xff"));
    const { code, message } = await errorOf(bed, { folder: `${bed.folder}/r\udcff` });
    expect([code, message]).toEqual(["WORKSPACE_REFUSED", expect.stringContaining("its path is not UTF-8")]);
    expect(message).toContain("r\\xff");
  },
);
