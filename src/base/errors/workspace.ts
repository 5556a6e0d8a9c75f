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
  WORKSPACE_NOT_SENT: spec({
    exit: Exit.NotFound,
    message: (p: { name: string }) => `nothing that could come back was sent into VM "${p.name}" from here`,
    hint: (p) =>
      `a git repository comes back: send one with \`banger vm workspace prepare ${p.name} ./repo\`; other files with \`banger vm cp ${p.name}:PATH .\``,
  }),
  WORKSPACE_THERE: spec({
    exit: Exit.Conflict,
    message: (p: { name: string; path: string }) => `VM "${p.name}" has a ${p.path} already`,
    hint: (p) =>
      `move it away first: \`banger vm exec ${p.name} -- mv ${p.path} ${p.path}.old\`; or send the repository into another VM`,
  }),
  WORKSPACE_PULL: spec({
    exit: Exit.Failure,
    message: (p: { problem: string; next: string }) => `the work can't be taken out of the VM: ${p.problem}`,
    hint: (p) => p.next,
  }),
  WORKSPACE_PULL_UNSAFE: spec({
    exit: Exit.Failure,
    message: (p: { problem: string }) => `what the guest sent was refused: ${p.problem}; nothing was written`,
    hint: () =>
      "a repository that `git fsck --strict` complains about in the guest is refused, too; single files come with `banger vm cp`",
  }),
  WORKSPACE_CONFLICT: spec({
    exit: Exit.Conflict,
    message: (p: { count: string; files: readonly string[] }) =>
      `${p.count} can't be applied to your work tree, so nothing was: ${p.files.join("; ")}`,
    hint: (p: { count: string; files: readonly string[]; next?: string }) =>
      p.next ??
      "choose the others with --review, write a patch with --patch FILE, or replace your own files with --overwrite (`vm workspace undo` brings them back)",
  }),
  WORKSPACE_UNDO: spec({
    exit: Exit.Conflict,
    message: (p: { path: string; problem: string }) => `nothing can be taken back in ${p.path}: ${p.problem}`,
    hint: (p: { path: string; problem: string; next?: string }) =>
      p.next ?? "`banger vm workspace pull VM` applies the work that is in a VM",
  }),
};
