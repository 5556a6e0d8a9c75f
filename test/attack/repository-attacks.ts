/** What a repository can hold that makes git, or us, run something or take along what is not of the repository. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { commit, git, makeRepository, write } from "../../src/workspace/testing/repository.ts";
import type { LiedTo } from "./lied-to.ts";
import type { Attack, Outcome } from "./report.ts";
import { unsafeIn } from "./words.ts";

/** What the user has beside the stranger's repository. */
export type Hoard = {
  folder: string;
  /** another repository, which must not come along unless the user is told */
  secret: string;
  /** its commit */
  commit: string;
  /** a file outside any repository */
  key: string;
};

const words = "the user's own words";

export function makeHoard(folder: string): Hoard {
  const secret = makeRepository(`${folder}/secret`);
  write(secret, { "secret.txt": words });
  commit(secret, "secret");
  const key = `${folder}/id_rsa`;
  writeFileSync(key, words, { mode: 0o600 });
  return { folder, secret, commit: git(secret, "rev-parse", "HEAD").trim(), key };
}

/** @param repo of one commit @param canary a path that nothing may make */
type Trap = (repo: string, hoard: Hoard, canary: string) => void;

const programs = [
  ...["core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager", "core.editor", "core.askPass"],
  ...["core.alternateRefsCommand", "uploadpack.packObjectsHook", "diff.external", "credential.helper", "gpg.program"],
  ...["filter.x.clean", "filter.x.smudge", "filter.x.process", "diff.x.textconv", "merge.x.driver"],
];
const hooks = ["post-index-change", "post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"];
const config = (repo: string, text: string) =>
  write(repo, { ".git/config": `${readFileSync(`${repo}/.git/config`)}${text}` });

const traps: Record<string, Trap> = {
  "names programs in its configuration": (repo, _, canary) => {
    for (const name of programs) git(repo, "config", name, `touch ${canary}`);
    git(repo, "config", "filter.x.required", "true");
    write(repo, { ".gitattributes": "* filter=x diff=x merge=x\n", "README.md": "changed\n" });
  },
  "brings hooks": (repo, _, canary) => {
    for (const name of hooks) {
      write(repo, { [`.git/hooks/${name}`]: `#!/bin/sh\ntouch ${canary}\n` });
      chmodSync(`${repo}/.git/hooks/${name}`, 0o755);
    }
  },
  "has more configuration included, and one for its worktree": (repo, _, canary) => {
    write(repo, {
      more: `[core]\n\tfsmonitor = touch ${canary}\n`,
      ".git/config.worktree": `[core]\n\tfsmonitor = touch ${canary}\n`,
    });
    config(repo, `[include]\n\tpath = ${repo}/more\n[extensions]\n\tworktreeConfig = true\n`);
  },
  "lacks an object and names a helper that would fetch it": (repo, _, canary) => {
    config(repo, `[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tpartialClone = origin\n`);
    config(repo, `[remote "origin"]\n\turl = "ext::sh -c touch% ${canary}"\n\tpromisor = true\n`);
    const tree = git(repo, "rev-parse", "HEAD:src").trim();
    rmSync(`${repo}/.git/objects/${tree.slice(0, 2)}/${tree.slice(2)}`, { force: true });
  },
  "says that its git folder is another repository's": (repo, { secret }) => {
    rmSync(`${repo}/.git`, { recursive: true });
    writeFileSync(`${repo}/.git`, `gitdir: ${secret}/.git\n`);
  },
  "links its git folder to another repository's": (repo, { secret }) => {
    rmSync(`${repo}/.git`, { recursive: true });
    symlinkSync(`${secret}/.git`, `${repo}/.git`);
  },
  "shares another repository's common folder": (repo, { secret }) =>
    write(repo, { ".git/commondir": `${secret}/.git\n` }),
  "links its objects to another repository's": (repo, hoard) => {
    rmSync(`${repo}/.git/objects`, { recursive: true });
    symlinkSync(`${hoard.secret}/.git/objects`, `${repo}/.git/objects`);
    write(repo, { ".git/refs/heads/main": `${hoard.commit}\n` });
  },
  "names another repository's objects as alternates": (repo, hoard) =>
    write(repo, {
      ".git/objects/info/alternates": `${hoard.secret}/.git/objects\n`,
      ".git/refs/heads/main": `${hoard.commit}\n`,
    }),
  "hides an alternate behind an escape": (repo, hoard) => {
    symlinkSync(`${hoard.secret}/.git/objects`, `${repo}/x\ty`);
    write(repo, {
      ".git/objects/info/alternates": `"${repo}/x\\ty"\n`,
      ".git/refs/heads/main": `${hoard.commit}\n`,
    });
  },
  "links a branch and HEAD to files outside": (repo, { key, secret }) => {
    rmSync(`${repo}/.git/refs/heads/main`);
    symlinkSync(key, `${repo}/.git/refs/heads/main`);
    rmSync(`${repo}/.git/HEAD`);
    symlinkSync(`${secret}/.git/HEAD`, `${repo}/.git/HEAD`);
  },
  "has a HEAD that climbs out": (repo, { secret }) =>
    write(repo, { ".git/HEAD": `ref: refs/heads/../../../../secret/.git/refs/heads/main\n`, x: secret }),
  "tracks files that have become links to the user's": (repo, { key, folder }) => {
    rmSync(`${repo}/README.md`);
    symlinkSync(key, `${repo}/README.md`);
    rmSync(`${repo}/src`, { recursive: true });
    symlinkSync(folder, `${repo}/src`);
  },
  "has a submodule whose git folder is another repository's": (repo, { secret, commit: head }) => {
    mkdirSync(`${repo}/m`);
    git(repo, "update-index", "--add", "--cacheinfo", `160000,${head},m`);
    writeFileSync(`${repo}/m/.git`, `gitdir: ${secret}/.git\n`);
  },
  "puts pipes where git reads": (repo) => {
    for (const path of [".git/info/exclude", "src/.gitignore", ".git/packed-refs"]) {
      rmSync(`${repo}/${path}`, { force: true });
      mkdirSync(`${repo}/.git/info`, { recursive: true });
      execFileSync("mkfifo", [`${repo}/${path}`]);
    }
  },
  "names files and a branch with terminal controls": (repo) => {
    write(repo, { "f\x1b[31m\x1b]0;T\x07\u009b31m\u202e": "x" });
    git(repo, "add", "-A");
    commit(repo, "controls");
    git(repo, "checkout", "-q", "-b", "b\u009b31m\u202ered");
    write(repo, { "untracked\x1b[31m": "x" });
  },
};

export function repositoryAttacks(scene: () => LiedTo, hoard: () => Hoard): Attack[] {
  return Object.entries(traps).map(([name, trap]) => ({ name, run: () => runIn(scene(), hoard(), trap) }));
}

async function runIn({ agent, banger }: LiedTo, hoard: Hoard, trap: Trap): Promise<Outcome> {
  const folder = mkdtempSync(`${hoard.folder}/try-`);
  const repo = makeRepository(`${folder}/repo`);
  const canary = `${folder}/ran`;
  trap(repo, hoard, canary);
  agent.puts.length = 0;
  const ran = await banger(["vm", "run", "--rm", repo, "--", "true"], { timeoutMs: 30_000 });
  const unsafe = unsafeIn(ran.stderr);
  // history from elsewhere is the user's to decide on: it may come along when it is said
  const isTold = ran.stderr.includes(hoard.secret);
  const problems = [
    existsSync(canary) ? "a program of the repository's ran" : "",
    ran.code === null ? "it never came to an end" : "",
    ran.code === 0 && agent.puts.length === 0 ? "nothing was copied" : "",
    unsafe ? `what is printed has ${unsafe}` : "",
    ...agent.puts
      .flatMap((tar, at) => foundIn(tar, `${folder}/guest${at}`, hoard))
      .filter((found) => found !== "history" || !isTold),
  ].filter(Boolean);
  const end =
    ran.code === 0
      ? `copied${isTold ? ", and it is said" : ""}`
      : `refused: ${firstLine(ran.stderr.replaceAll(`${folder}/`, ""))}`;
  return { held: problems.length === 0, seen: problems.join("; ") || end };
}

/** What of the user's arrived: `history` of another repository, or a file's words. */
function foundIn(tar: Uint8Array, guest: string, hoard: Hoard): string[] {
  mkdirSync(guest);
  try {
    execFileSync("tar", ["-x", "-C", guest], { input: tar, stdio: ["pipe", "ignore", "ignore"] });
  } catch {
    return []; // not a tar of a workspace
  }
  const file = Bun.spawnSync(["grep", "-rl", "--exclude-dir=.git", words, guest]).stdout.toString().trim();
  const isThere = existsSync(`${guest}/.git`) && Bun.spawnSync(["git", "-C", guest, "cat-file", "-e", hoard.commit]);
  return [
    file === "" ? "" : `a file of the user's: ${file}`,
    isThere && isThere.exitCode === 0 ? "history" : "",
  ].filter(Boolean);
}

function firstLine(text: string): string {
  const line = text.split("\n").find((one) => one.startsWith("error:")) ?? "";
  return line.slice("error: ".length, 120);
}
