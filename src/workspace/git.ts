/**
 * The one place where the host's git runs, in one way: in a git directory of our own (`skeleton.ts`) whose alternates
 * name the repository's objects. The repository's configuration, hooks, filters and attributes' drivers are never
 * loaded, nothing is fetched, nothing is executed, nothing is written into the repository. And it runs in a cage, where it has
 * the repository's objects to read, and that git directory of ours to write.
 */
import { fail } from "../base/errors/error.ts";
import { redactText, stripControl } from "../base/text.ts";
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";

export type GitCall = {
  input?: string | Uint8Array;
  /** exit codes other than 0 that the caller understands */
  allow?: readonly number[];
  /** default 10 minutes: history can be large */
  timeoutMs?: number;
  /** it lists the repository's work tree */
  inWorkTree?: boolean;
  /** files that the command line names */
  reads?: readonly string[];
};

export type GitResult = { exitCode: number; stdout: Uint8Array /** last line, cleaned */; said: string };

/** Runs one git subcommand. @throws WORKSPACE_GIT, WORKSPACE_INCOMPLETE, TOOL_MISSING */
export type Git = (argv: readonly string[], call?: GitCall) => Promise<GitResult>;

export type GitPlaces = {
  /** our own git directory */
  gitDir: string;
  /** the folders that its alternates' links lead to */
  objects: readonly string[];
  /** the repository's work tree, for calls `inWorkTree` */
  workTree: string;
  /** name of the repository for errors */
  shown: string;
  /** ends what runs: nobody wants the plan any more */
  signal: AbortSignal;
};

/** Given on each command line as well as in our own config file: what could run something is off. */
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
    // a git that has no business there can't put untracked files into a pack
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

/** git's words for an object that a commit, tree, tag or ref names and that is not there. */
function isMissingObject(said: string): boolean {
  return /^(?:bad (?:tree )?object |missing \w+ |unable to (?:read|find) [0-9a-f]|could not read [0-9a-f]|failed to traverse parents|option `merged' must point to a commit)/i.test(
    said,
  );
}

/** Everything of git's environment that could lead it to foreign settings is set; the rest is what `Exec` gives. */
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
