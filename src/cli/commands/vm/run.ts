import { buildCommand } from "@stricli/core";
import { parseDepth } from "../../flags.ts";
import { coldFlag, createFlags, toggled, ttyFlag, valued, waitFlag, worded } from "../../parameters.ts";

export const run = buildCommand({
  loader: async () => (await import("./run.run.ts")).run,
  parameters: {
    flags: {
      ...createFlags,
      ...waitFlag,
      ...coldFlag,
      rm: toggled("delete the VM when the session ends, whatever ends it"),
      detach: toggled("leave the VM running and return at once"),
      includeUntracked: toggled("send untracked files too; ignored ones never"),
      dryRun: toggled("print what would be sent, and create nothing"),
      branch: worded("new branch in the guest", "NAME"),
      withBranch: {
        kind: "parsed",
        parse: (value: string) => value,
        optional: true,
        variadic: true,
        brief: "send this branch's history too (default: the upstream and the remote's default branch); repeatable",
        placeholder: "NAME",
      },
      from: worded("send this commit's tree; uncommitted edits stay behind", "REF"),
      depth: valued("commits of history to send (default: all)", "N", parseDepth),
      entrypoint: worded(
        "program to run, as PID 1, instead of the image's own; what stands behind -- are its arguments",
        "PROGRAM",
      ),
      init: toggled("run the image's own command as PID 1, though the image has a shell"),
      ...ttyFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: (value: string) => value,
          placeholder: "FOLDER",
          brief: "repository or folder that goes to /root/repo",
          optional: true,
        },
      ],
    },
    aliases: { d: "detach", e: "env", n: "noStdin", t: "tty" },
  },
  docs: {
    brief: "a fresh VM: a shell in it, or a command behind --",
    customUsage: ["[flags] [FOLDER]", "[flags] [FOLDER] -- COMMAND [ARG]..."],
  },
});
