/** Real repositories for tests: made with the host's git in temporary folders, planned, streamed and unpacked again. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { createExec } from "../../host/process/exec-node.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import { planWorkspace } from "../plan.ts";
import { workspaceTar } from "../stream.ts";
import type { WorkspaceDeps, WorkspacePlan, WorkspaceRequest } from "../types.ts";

export type TestBed = {
  /** contains everything of the test; removed by `dispose` */
  folder: string;
  home: string;
  deps: WorkspaceDeps;
  [Symbol.dispose](): void;
};

export function testBed(): TestBed {
  const folder = fs.realpathSync(fs.mkdtempSync(`${tmpdir()}/banger-workspace-`));
  const home = `${folder}/home`;
  fs.mkdirSync(home);
  const deps = {
    exec: createExec({ PATH: process.env["PATH"] ?? "", HOME: home }),
    cage: realCage(),
    home,
    scratch: `${folder}/scratch`,
    env: {},
  };
  return { folder, home, deps, [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

const identity = {
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/** Runs git as a user of the repository (on the host or in the guest) would. */
export function git(cwd: string, ...argv: string[]): string {
  const env = { ...identity, PATH: process.env["PATH"] ?? "", HOME: cwd };
  return execFileSync("git", ["-c", "protocol.file.allow=always", ...argv], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  }).toString("latin1");
}

export function write(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, data] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    fs.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    fs.writeFileSync(path, data);
  }
}

/** A repository with one commit of a few files. */
export function makeRepository(folder: string, ...init: string[]): string {
  fs.mkdirSync(folder, { recursive: true });
  git(folder, "init", "-q", "-b", "main", ...init);
  write(folder, {
    "README.md": "hello\n",
    "src/a.ts": "export const a = 1;\n",
    "src/deep/b.ts": "b\n",
    "bin/run": "#!/bin/sh\n",
  });
  fs.chmodSync(`${folder}/bin/run`, 0o755);
  git(folder, "add", "-A");
  git(folder, "commit", "-q", "-m", "first");
  return folder;
}

/** Plans, streams and unpacks with the host's tar, as the guest's agent would; runs the after-commands there. */
export async function roundTrip(
  bed: TestBed,
  request: WorkspaceRequest,
): Promise<{ guest: string; plan: WorkspacePlan; vanished: string[] }> {
  await using plan = await planWorkspace(bed.deps, request);
  const guest = fs.mkdtempSync(`${bed.folder}/guest-`);
  const vanished: string[] = [];
  await unpack(workspaceTar(plan, { onVanished: (path) => vanished.push(path) }), guest);
  for (const { argv } of plan.after) execFileSync(argv[0] ?? "", argv.slice(1), { cwd: guest, stdio: "pipe" });
  return { guest, plan, vanished };
}

export async function unpack(tar: AsyncIterable<Uint8Array>, into: string): Promise<void> {
  const child = Bun.spawn(["tar", "-x", "-p", "-C", into], { stdin: "pipe", stderr: "pipe" });
  for await (const chunk of tar) {
    child.stdin.write(chunk);
    await child.stdin.flush();
  }
  await child.stdin.end();
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`tar: ${said}`);
}

export function status(folder: string, ...more: string[]): string {
  return git(folder, "status", "--porcelain=v2", "--branch", ...more);
}

/** A test that runs the host's git and tar, with a timeout for busy machines. */
export function gitTest(name: string, body: () => void | Promise<void>): void {
  gatedTest("tool:git", name, body, 60_000);
}

/** Writes files and stages everything, then writes others. */
export function stage(repo: string, files: Record<string, string>, then: Record<string, string> = {}): void {
  write(repo, files);
  git(repo, "add", "-A");
  write(repo, then);
}

/** A commit with one new file. */
export function commit(repo: string, text: string): void {
  write(repo, { [`${text}.txt`]: `${text}\n` });
  git(repo, "add", "-A");
  git(repo, "commit", "-q", "-m", text);
}

/** Leaves a merge with a conflict in README.md. */
export function conflict(repo: string): void {
  git(repo, "checkout", "-q", "-b", "elsewhere");
  write(repo, { "README.md": "theirs\n" });
  git(repo, "commit", "-q", "-am", "theirs");
  git(repo, "checkout", "-q", "main");
  write(repo, { "README.md": "ours\n" });
  git(repo, "commit", "-q", "-am", "ours");
  try {
    git(repo, "merge", "elsewhere");
  } catch {
    return;
  }
  throw new Error("the merge has no conflict");
}
