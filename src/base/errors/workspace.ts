/** Failures of the repository or folder that goes into a VM. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const workspaceErrors = {
  WORKSPACE_REFUSED: spec({
    exit: Exit.Usage,
    message: (p: { path: string; reason: string; next?: string }) => `${p.path} can't be a workspace: ${p.reason}`,
    hint: (p) => p.next ?? "name the folder of one project, as in `banger vm run ./repo`",
  }),
  WORKSPACE_TOO_LARGE: spec({
    exit: Exit.Usage,
    message: (p: { size: string; entries: number; disk: string; advice: string }) =>
      `the workspace does not fit the VM's disk: ${p.size} in ${p.entries} files and folders, and the disk has ${p.disk}`,
    hint: (p) => `ask for a larger disk: \`--disk ${p.advice}\` (it takes no space until it is used)`,
  }),
  WORKSPACE_GIT: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) => `reading the git repository ${p.path} failed: ${p.problem}`,
    hint: () => "`git status` there may show more",
  }),
  WORKSPACE_INCOMPLETE: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) =>
      `objects of the git repository ${p.path} are missing: ${p.problem}; nothing was copied`,
    hint: () =>
      "`git fsck --connectivity-only` there lists them and `git fetch --refetch` gets them again; with --depth N less history is needed",
  }),
  WORKSPACE_REF: spec({
    exit: Exit.NotFound,
    message: (p: { ref: string; path: string }) => `"${p.ref}" is not a commit in ${p.path}`,
    hint: () => "name a branch, tag or commit that `git rev-parse` knows",
  }),
  WORKSPACE_COPY: spec({
    exit: Exit.Run,
    message: (p: { path: string; problem: string }) => `copying ${p.path} into the VM failed: ${p.problem}`,
    hint: () => "if files change while they are read, run the same command again",
  }),
};
