/**
 * The one place where the host's git runs, always in the same way: in a git directory of banger's own (`skeleton.ts`) whose alternates
 * are the repository's objects. The repository's configuration, hooks, filters and attribute drivers are never loaded; nothing is
 * fetched, executed, or written into the repository. git runs in a cage in which it can read the repository's objects and write that
 * git directory.
 */
import { fail } from "../base/errors/error.ts";
import { redactText, stripControl } from "../base/text.ts";
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";

export type GitCall = {
  input?: string | Uint8Array;
  /** exit codes other than 0 that the caller handles */
  allow?: readonly number[];
  /** default 10 minutes, because history can be large */
  timeoutMs?: number;
  /** whether it lists the repository's work tree */
  inWorkTree?: boolean;
  /** files named on the command line */
  reads?: readonly string[];
};

export type GitResult = { exitCode: number; stdout: Uint8Array /** last line, cleaned */; said: string };

/** Runs one git subcommand. @throws WORKSPACE_GIT, WORKSPACE_INCOMPLETE, TOOL_MISSING */
export type Git = (argv: readonly string[], call?: GitCall) => Promise<GitResult>;

export type GitPlaces = {
  /** banger's own git directory */
  gitDir: string;
  /** the folders that the alternates' links lead to */
  objects: readonly string[];
  /** the repository's work tree, for calls `inWorkTree` */
  workTree: string;
  /** the repository's name in errors */
  shown: string;
  /** aborts what runs when the plan is no longer needed */
  signal: AbortSignal;
};

/** Given on each command line as well as in the config file: turns off everything that could run a program. */
const off = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.untrackedCache=false",
  "core.commitGraph=false",
  "core.multiPackIndex=false",
  "core.attributesFile=/dev/null",
  "core.excludesFile=/dev/null",
  "credential.helper=",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.allow=never",
  "submodule.recurse=false",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

const maxOutput = 512 * 1024 * 1024;

export function openGit({ exec, cage }: { exec: Exec; cage: ToolCage }, places: GitPlaces): Git {
  return async (argv, call = {}) => {
    const line = [
      "git",
      "--no-pager",
      "--no-optional-locks",
      "--no-replace-objects",
      "--literal-pathspecs",
      ...off,
      ...argv,
    ];
    const { gitDir, objects } = places;
    // so that git can't put untracked files into a pack
    const workTree = call.inWorkTree ? places.workTree : gitDir;
    const readOnly = [...objects, ...(call.reads ?? []), ...(call.inWorkTree ? [workTree] : [])];
    const result = await exec(line, {
      env: gitEnvironment(gitDir, workTree),
      cage: await cage.around("git", { readOnly, readWrite: [gitDir] }),
      cwd: places.gitDir,
      maxBytes: maxOutput,
      timeoutMs: call.timeoutMs ?? 600_000,
      signal: places.signal,
      ...(call.input === undefined ? {} : { input: call.input }),
    });
    const said = lastLine(result.stderr);
    const exitCode = result.exitCode ?? -1;
    if (exitCode !== 0 && !call.allow?.includes(exitCode)) {
      if (/No space left on device/.test(said))
        throw fail("DISK_FULL", { path: places.gitDir, during: "packing the history" });
      if (isMissingObject(said)) throw fail("WORKSPACE_INCOMPLETE", { path: places.shown, problem: said });
      const status = result.signal === null ? `exit code ${result.exitCode}` : `signal ${result.signal}`;
      throw fail("WORKSPACE_GIT", { path: places.shown, problem: `git ${argv[0]}: ${said || status}` });
    }
    return { exitCode, stdout: result.stdout, said };
  };
}

/** git's messages for a missing object that a commit, tree, tag or ref names. */
function isMissingObject(said: string): boolean {
  return /^(?:bad (?:tree )?object |missing \w+ |unable to (?:read|find) [0-9a-f]|could not read [0-9a-f]|failed to traverse parents|option `merged' must point to a commit)/i.test(
    said,
  );
}

/** Sets every variable of git's environment that could lead it to other settings; the rest is from `Exec`. */
function gitEnvironment(gitDir: string, workTree: string): Record<string, string> {
  return {
    LC_ALL: "C",
    HOME: gitDir,
    XDG_CONFIG_HOME: gitDir,
    GIT_DIR: gitDir,
    GIT_WORK_TREE: workTree,
    GIT_INDEX_FILE: `${gitDir}/index`,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_PROTOCOL_FROM_USER: "0",
    GIT_PAGER: "cat",
    GIT_EDITOR: "false",
    GIT_ASKPASS: "false",
    SSH_ASKPASS: "false",
    GIT_SSH_COMMAND: "false",
  };
}

function lastLine(stderr: Uint8Array): string {
  const lines = Buffer.from(stderr.subarray(-4096)).toString("utf8").trim().split("\n");
  const telling = lines.findLast((line) => /^(?:fatal|error): /.test(line)) ?? lines.at(-1) ?? "";
  return redactText(stripControl(telling))
    .replace(/^(?:fatal|error): /, "")
    .slice(0, 300);
}
