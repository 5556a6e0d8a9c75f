/** The flags of `vm run`, and what it refuses before it does anything. */
import { fail } from "../../../base/errors/error.ts";
import type { WaitKind } from "../../../model/vm.ts";
import type { CreateFlags } from "../../create-request.ts";

export type RunFlags = CreateFlags & {
  rm?: boolean;
  wait?: WaitKind;
  cold?: boolean;
  detach?: boolean;
  includeUntracked?: boolean;
  dryRun?: boolean;
  branch?: string;
  withBranch?: readonly string[];
  from?: string;
  depth?: number;
  pull?: boolean;
  tty?: boolean;
  interactive?: boolean;
  noStdin?: boolean;
  entrypoint?: string;
  init?: boolean;
};

/** @throws USAGE */
export function checkRunFlags(flags: RunFlags, folder: string | undefined, guestArgv: readonly string[] | null): void {
  if (flags.entrypoint === "")
    throw usage("--entrypoint is empty", "leave it out, or name a program, as in `--entrypoint /bin/sh`");
  if (guestArgv?.length === 0)
    throw usage("there is no command after --", "leave -- out for a shell, or name a command, as in `-- make test`");
  if (flags.detach && flags.rm)
    throw usage(
      "--detach and --rm exclude each other",
      "a detached VM has no session whose end could delete it; remove it later with `banger vm delete NAME`",
    );
  if (flags.detach && flags.tty)
    throw usage(
      "--detach and --tty exclude each other",
      "a detached command has no terminal; its output goes to a log",
    );
  if (flags.detach && flags.pull)
    throw usage(
      "--detach and --pull exclude each other",
      "nothing waits for the end of a detached command; pull later with `banger vm workspace pull NAME`",
    );
  if (folder === undefined) refuseWorkspaceFlags(flags);
}

/** Refuses a folder in place of a command: it was probably meant as the workspace. @throws USAGE */
export function checkCommand(
  guestArgv: readonly string[] | null,
  folder: string | undefined,
  isFolder: (path: string) => boolean,
): void {
  const [program = ""] = guestArgv ?? [];
  const isRelative = !program.startsWith("/") && (program.includes("/") || /^[.]{1,2}$/.test(program));
  // with a workspace the command starts in another folder, where the name can be anything
  if (folder !== undefined || !isRelative || !isFolder(program)) return;
  throw usage(
    `"${program}" is a folder, but a command must follow --`,
    `to copy it into the VM: \`banger vm run ${program}\`; with a command: \`banger vm run ${program} -- make test\``,
  );
}

function refuseWorkspaceFlags(flags: RunFlags): void {
  const given: [flag: string, isGiven: boolean, example: string][] = [
    ["--include-untracked", flags.includeUntracked ?? false, "--include-untracked"],
    ["--dry-run", flags.dryRun ?? false, "--dry-run"],
    ["--branch", flags.branch !== undefined, "--branch NAME"],
    ["--with-branch", flags.withBranch !== undefined, "--with-branch NAME"],
    ["--from", flags.from !== undefined, "--from REF"],
    ["--depth", flags.depth !== undefined, "--depth N"],
    ["--pull", flags.pull ?? false, "--pull"],
  ];
  const [flag, , example] = given.find(([, isGiven]) => isGiven) ?? [];
  if (flag)
    throw usage(
      `${flag} needs a workspace, and no folder was given`,
      `name a folder, as in \`banger vm run ./repo ${example}\``,
    );
}

function usage(problem: string, next: string): Error {
  return fail("USAGE", { problem, next });
}
