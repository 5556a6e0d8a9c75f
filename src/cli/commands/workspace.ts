/** `banger vm workspace …` */
import { command, group } from "../command.ts";
import { parseDepth } from "../flags.ts";
import { jsonFlag, optional, positionals, repeated, required, switched, text, valued } from "../parameters.ts";

const vm = required("VM", "name of a VM");

const prepare = command({
  loader: async () => (await import("./workspace/prepare.run.ts")).prepare,
  parameters: {
    flags: {
      includeUntracked: switched("also send untracked files; ignored files are never sent"),
      branch: text("create this branch in the guest and check it out", "NAME"),
      withBranch: repeated(
        "also send this branch's history (default: the upstream and the remote's default branch)",
        "NAME",
      ),
      from: text("send the tree of this commit, without uncommitted edits", "REF"),
      depth: valued("number of commits of history to send (default: all)", "N", parseDepth),
      ...jsonFlag,
    },
    positional: positionals(vm, required("FOLDER", "repository or folder to copy to /root/repo in the VM")),
  },
  docs: {
    brief: "send a repository into a VM that exists",
    description: "send a repository or a folder into a running VM, to /root/repo, as `banger vm run FOLDER` does",
  },
});

const status = command({
  loader: async () => (await import("./workspace/status.run.ts")).status,
  parameters: { flags: jsonFlag, positional: positionals(vm) },
  docs: { brief: "show what was done in a VM's workspace, and what a pull would do" },
});

const diff = command({
  loader: async () => (await import("./workspace/diff.run.ts")).diff,
  parameters: { flags: jsonFlag, positional: positionals(vm) },
  docs: {
    brief: "show what changed in a VM's workspace since it was sent, as a patch",
    description:
      "show what changed in a VM's workspace since it was sent, committed or not, as a patch; " +
      "on a terminal in a pager and without control characters, to a pipe or a file byte for byte",
  },
});

const pull = command({
  loader: async () => (await import("./workspace/pull.run.ts")).pull,
  parameters: {
    flags: {
      branch: text("also make this branch here, at the guest's HEAD", "NAME"),
      review: switched("show the uncommitted changes file by file, and apply those that you accept"),
      patch: text("write the uncommitted changes as a patch (- for stdout) instead of applying them", "FILE"),
      overwrite: switched("also replace files that have changed here since they were sent"),
      noCommits: switched("leave the guest's commits where they are"),
      ...jsonFlag,
    },
    positional: positionals(vm),
  },
  docs: {
    brief: "bring the work in a VM's workspace into the repository here",
    description:
      "bring the work in a VM's workspace into the repository that was sent: commits as refs/banger/VM/BRANCH, " +
      "uncommitted changes into the work tree, all of them or none",
    examples: [
      ["banger vm workspace pull box", "commits to refs/banger/box/*, uncommitted changes into the work tree"],
      ["banger vm workspace pull box --branch from-box", "the same, and a branch at the guest's HEAD"],
      ["banger vm workspace pull box --review", "decide file by file"],
      ["banger vm workspace pull box --patch - | git apply --index", "apply the uncommitted changes with git"],
    ],
  },
});

const undo = command({
  loader: async () => (await import("./workspace/undo.run.ts")).undo,
  parameters: {
    flags: jsonFlag,
    positional: positionals(optional("FOLDER", "the repository, or a folder in it (default: .)")),
  },
  docs: {
    brief: "take back what the last pull wrote into the work tree",
    description:
      "take back what the last pull wrote into the work tree; if files changed since, nothing is done; " +
      "refs and branches stay",
  },
});

export const workspace = group(
  { brief: "send a repository into a VM, and bring the work back" },
  { prepare, status, diff, pull, undo },
);
