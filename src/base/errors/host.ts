/** Failures of the host: tools, files, space. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const hostErrors = {
  TOOL_MISSING: spec({
    exit: Exit.Unavailable,
    message: (p: { tool: string; why: string; install: string }) => `${p.tool} is not installed; it is needed ${p.why}`,
    hint: (p) => p.install,
  }),
  TOOL_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { tool: string; status: string; said: string }) =>
      `${p.tool} ended with ${p.status}${p.said ? `: ${p.said}` : ""}`,
    hint: () => "run the same command again with BANGER_DEBUG=1 to see its whole output",
  }),
  DISK_FULL: spec({
    exit: Exit.Unavailable,
    message: (p: { path: string; during: string; needed?: string; free?: string }) =>
      p.needed === undefined
        ? `no space left at ${p.path} while ${p.during}${p.free === undefined ? "" : `: ${p.free} free`}`
        : `not enough space at ${p.path} while ${p.during}: ${p.needed} are needed, ${p.free} are free`,
    hint: () =>
      "free some space (`banger vm ls`, `banger image ls` show sizes) and run the same command again; nothing incomplete was kept",
  }),
  MEMORY_LOW: spec({
    exit: Exit.Unavailable,
    message: (p: { needed: string; free: string }) =>
      `this host has ${p.free} of memory left, and a VM needs ${p.needed} to boot`,
    hint: () => "end some programs, or stop VMs that are not in use (`banger vm ls`)",
  }),
  PORT_UNAVAILABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { port: number; problem: string }) => `a port can't be published: ${p.problem}`,
    hint: (p) =>
      `\`ss -ltnp 'sport = :${p.port}'\` shows who has it; a VM keeps its published ports, so end that program, or make a VM with another \`--publish\``,
  }),
  NOT_REMOVED: spec({
    exit: Exit.Failure,
    message: (p: { root: string; path: string; reason: string; next: string }) =>
      `${p.path} can't be removed: ${p.reason}`,
    hint: (p) => `${p.next}; then run the same command again, or \`banger daemon stop\`: the next daemon tries again`,
  }),
  PATH_TOO_LONG: spec({
    exit: Exit.Unavailable,
    message: (p: { path: string; limit: number }) =>
      `${p.path} is longer than the ${p.limit} bytes that a socket's path can have`,
    hint: () => "set XDG_STATE_HOME and XDG_RUNTIME_DIR to shorter folders",
  }),
  HOME_INVALID: spec({
    exit: Exit.Unavailable,
    message: (p: { home: string }) =>
      p.home === "" ? "this user has no home folder" : `HOME is not an absolute path: "${p.home}"`,
    hint: () => "set HOME to a folder of your own, as in `HOME=/home/you banger vm ls`",
  }),
  FOLDER_UNSAFE: spec({
    exit: Exit.Unavailable,
    message: (p: { path: string; problem: string }) => `banger refuses to use ${p.path}: ${p.problem}`,
    hint: (p: { path: string; problem: string; next?: string }) =>
      p.next ??
      "HOME, XDG_STATE_HOME, XDG_CACHE_HOME and XDG_RUNTIME_DIR must lead to folders of your own (`su -` and `sudo -i` see to that)",
  }),
  FOLDER_LINKED: spec({
    exit: Exit.Daemon,
    message: (p: { path: string; root: string }) =>
      `${p.path} is a symbolic link: banger removes files that it does not know there, and they may not be its own`,
    hint: (p) => `replace it with a folder; to keep the files on another disk, make ${p.root} itself the link`,
  }),
  FILE_INVALID: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) => `${p.path}: ${p.problem}`,
    hint: (p: { path: string; problem: string; next?: string }) =>
      p.next ?? "move it away and run the same command again",
  }),
};
