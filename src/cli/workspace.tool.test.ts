/** `vm workspace` and `vm run --pull` as commands: real repositories, and a guest whose files are a folder of this host. */
import { expect } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import type { ServedStream } from "../wire/agent/served.ts";
import type { FakeCommand } from "../wire/agent/testing/fake.ts";
import { planWorkspace } from "../workspace/plan.ts";
import { SentRecords } from "../workspace/pull/records.ts";
import { workspaceTar } from "../workspace/stream.ts";
import { commit, git, gitTest, makeRepository, type TestBed, testBed, write } from "../workspace/testing/repository.ts";
import type { CliContext } from "./context.ts";
import { type CallOptions, cliWorlds } from "./testing/cli.ts";

const world = cliWorlds();

/** Runs programs of this host in the guest's folder, whatever folder was asked for. */
function hostProgram(guest: string): FakeCommand {
  return async (stream, { argv = [] }) => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" };
    const child = spawn(argv[0] ?? "", argv.slice(1), { cwd: guest, env });
    stream.onData((_channel, data) => void child.stdin.write(new Uint8Array(data)));
    stream.onEof(() => void child.stdin.end());
    child.stderr.on("data", (chunk) => void stream.write(2, chunk));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    for await (const chunk of child.stdout) await stream.write(1, chunk);
    return { code: (await ended) ?? 255 };
  };
}

/** Unpacks what is sent; `put` without `create` needs the folder. */
function putInto(guest: string) {
  return (served: ServedStream) => {
    if (served.request["create"] !== true && !fs.existsSync(guest))
      return served.refuse("io", "/root/repo: ENOENT: No such file or directory (os error 2)");
    const stream = served.accept();
    stream.closed.catch(() => {});
    const chunks: Uint8Array[] = [];
    stream.onData((_channel, data) => void chunks.push(new Uint8Array(data)));
    stream.onEof(() => {
      fs.mkdirSync(guest, { recursive: true });
      execFileSync("tar", ["-x", "-p", "-C", guest], { input: Buffer.concat(chunks) });
      stream.event({ event: "done", entries: 1, bytes: 1 });
      void stream.finish();
    });
  };
}

async function placeOf(bed: TestBed) {
  const repo = makeRepository(`${bed.folder}/repo`);
  const guest = `${bed.folder}/guest/repo`;
  const { cli } = await world({ commands: { sh: hostProgram(guest) }, verbs: { put: putInto(guest) } });
  const applied = `${bed.folder}/applied`;
  const pullHost = { deps: bed.deps, records: new SentRecords(`${bed.folder}/sent`), applied };
  const pages: string[] = [];
  const change = (context: CliContext) =>
    void Object.assign(context, {
      workspaceTar,
      planWorkspace: (request: Parameters<CliContext["planWorkspace"]>[0]) => planWorkspace(bed.deps, request),
      page: async (text: string) => void pages.push(text),
      saveTo: async (path: string, content: AsyncIterable<Uint8Array>) => {
        for await (const chunk of content)
          if (path === "-") context.process.stdout.write(Buffer.from(chunk).toString("latin1"));
          else fs.appendFileSync(path, chunk);
      },
    });
  const call = (line: string | string[], options: CallOptions = {}) => cli(line, { change, pullHost, ...options });
  return { repo, guest, pages, call };
}

/** A VM `box` that has the repository. */
async function prepared(bed: TestBed) {
  const place = await placeOf(bed);
  await place.call("vm create --name box");
  await place.call("vm start box");
  const sent = await place.call(`vm workspace prepare box ${place.repo}`);
  expect([sent.code, sent.stderr]).toEqual([0, expect.stringContaining("sent 4 files")]);
  return { ...place, work: (line: string, options?: CallOptions) => place.call(`vm workspace ${line}`, options) };
}

gitTest("prepare, status, diff, pull, undo", async () => {
  using bed = testBed();
  const { work, repo, guest } = await prepared(bed);
  expect((await work(`prepare box ${repo}`)).code).toBe(4);
  expect((await work("status box")).stdout).toEndWith("no new commits\nno uncommitted changes\n");
  expect((await work("pull box")).stderr).toContain("there is nothing new in box");
  commit(guest, "theirs");
  write(guest, { "README.md": "changed\n", "new\u001b[31m": "\u001b[2Jx\n" });
  const status = JSON.parse((await work("status box --json")).stdout);
  expect(status).toMatchObject({
    root: repo,
    branches: [{ ref: "refs/banger/box/main", commits: 1 }],
    changes: [
      { path: "README.md", change: "modified", state: "ready" },
      { change: "added", state: "ready" },
    ],
  });
  expect((await work("status box")).stdout).not.toContain("\u001b");
  expect((await work("diff box")).stdout).toContain("+\u001b[2Jx");
  const pulled = await work("pull box --json --branch got");
  expect(JSON.parse(pulled.stdout)).toMatchObject({
    refs: [{ old: null }, { ref: "refs/heads/got" }],
    applied: [{}, {}],
  });
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("changed\n");
  expect((await work(`undo ${repo}/src`)).stderr).toContain(`took back the last pull from box: 2 files in ${repo}`);
  expect(git(repo, "status", "--porcelain")).toBe("");
  expect((await work(`undo ${repo}`)).stderr).toContain("nothing was applied there, or it was taken back");
});

gitTest("on a terminal a patch goes to the pager, without control characters", async () => {
  using bed = testBed();
  const { work, guest, pages } = await prepared(bed);
  write(guest, { "README.md": "a\u001b]0;title\u0007b\n" });
  expect((await work("diff box", { terminal: true })).stdout).toBe("");
  expect(pages).toEqual([expect.stringMatching(/^diff --git a\/README\.md b\/README\.md\n/)]);
  for (const control of ["\u001b", "\u0007"]) expect(pages[0]).not.toContain(control);
});

gitTest("a conflict is named, nothing is applied, and each way out works", async () => {
  using bed = testBed();
  const { work, repo, guest } = await prepared(bed);
  write(guest, { "README.md": "theirs\n", other: "theirs\n" });
  write(repo, { "README.md": "mine\n" });
  const refused = await work("pull box");
  expect([refused.code, refused.stderr]).toEqual([
    4,
    expect.stringContaining("README.md has changed here since it was sent"),
  ]);
  expect(git(repo, "status", "--porcelain")).toBe(" M README.md\n");
  const patch = await work("pull box --patch -");
  expect(patch.stdout).toContain("+theirs");
  expect((await work("pull box --overwrite")).code).toBe(0);
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("theirs\n");
  expect((await work(`undo ${repo}`)).code).toBe(0);
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("mine\n");
  expect(fs.existsSync(`${repo}/other`)).toBe(false);
});

for (const [answers, applied] of [
  ["y", ["a"]],
  ["n", []],
  ["q", []],
  ["", []],
  ["a", ["a", "b", "c"]],
] as const) {
  gitTest(`--review with the answer ${JSON.stringify(answers)} to the first, and then no more`, async () => {
    using bed = testBed();
    const { work, repo, guest } = await prepared(bed);
    write(guest, { a: "a\n", b: "b\n", c: "c\n", "README.md": "theirs\n" });
    write(repo, { "README.md": "mine\n" });
    const lines = answers === "" ? [] : [`${answers}\n`];
    const change = (context: CliContext) => {
      context.stdio.readInput = (onChunk, onEnd) => {
        const line = lines.shift();
        if (line === undefined) onEnd();
        else void onChunk(Buffer.from(line));
        return { stop() {} };
      };
    };
    const place = { change: (context: CliContext) => change(context), terminal: true };
    const { code, stderr } = await work("pull box --review", place);
    expect(stderr).toContain("left out:\n  M README.md  CONFLICT: has changed here since it was sent");
    expect(stderr).toContain("(1/3) apply a [y,n,q,a,?]?");
    expect(code).toBe(0);
    expect(["a", "b", "c"].filter((name) => fs.existsSync(`${repo}/${name}`))).toEqual([...applied]);
    expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("mine\n");
  });
}

gitTest("vm run --rm --pull: before the VM is deleted, with the command's exit code", async () => {
  using bed = testBed();
  const { call, repo } = await placeOf(bed);
  const script = "echo more >>README.md; exit 7";
  const ran = await call(["vm", "run", "--name", "r", "--rm", "--pull", repo, "--", "sh", "-c", script]);
  expect([ran.code, ran.stderr]).toEqual([7, expect.stringContaining("applied 1 file to")]);
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("hello\nmore\n");
  expect((await call("vm show r")).code).toBe(3);
});

gitTest("vm run --rm --pull keeps the VM where the pull fails", async () => {
  using bed = testBed();
  const { call, repo } = await placeOf(bed);
  const script = `echo more >>README.md; echo mine >${repo}/README.md`;
  const ran = await call(["vm", "run", "--name", "r", "--rm", "--pull", repo, "--", "sh", "-c", script]);
  expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining('VM "r" is kept with the work in it')]);
  expect((await call("vm show r")).code).toBe(0);
  expect(fs.readFileSync(`${repo}/README.md`, "utf8")).toBe("mine\n");
});

gitTest("what is refused before anything is done", async () => {
  using bed = testBed();
  const { call, repo } = await placeOf(bed);
  fs.mkdirSync(`${bed.folder}/plain`);
  expect((await call(`vm run --pull --detach ${repo}`)).code).toBe(2);
  expect((await call("vm run --pull")).code).toBe(2);
  expect((await call(`vm run --pull ${bed.folder}/plain`)).stderr).toContain("--pull needs a git repository");
  await call("vm create --name empty");
  expect((await call("vm workspace status empty")).stderr).toContain("nothing that could come back was sent");
  expect((await call("vm workspace pull empty --review")).code).toBe(2);
  expect((await call("vm workspace pull empty --branch b --no-commits")).code).toBe(2);
  expect((await call("vm workspace pull nobody")).code).toBe(3);
});
