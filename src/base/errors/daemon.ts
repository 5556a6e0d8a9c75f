/** Failures between the CLI and the daemon. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const daemonErrors = {
  DAEMON_UNREACHABLE: spec({
    exit: Exit.Daemon,
    message: (p: { socket: string; reason: string }) => `the daemon at ${p.socket} can't be reached: ${p.reason}`,
    hint: (p: { socket: string; reason: string; next?: string }) => p.next ?? "`banger daemon status` shows more",
  }),
  DAEMON_UNTRUSTED: spec({
    exit: Exit.Daemon,
    message: (p: { socket: string; reason: string }) => `nothing was sent to the daemon at ${p.socket}: ${p.reason}`,
    hint: (p: { socket: string; reason: string; next?: string }) =>
      p.next ??
      "XDG_RUNTIME_DIR must be your own, but `su` and `sudo` may leave another user's: unset it, or use `su -` or `sudo -i`; if the folder is yours, make it writable for you alone with `chmod go-w`",
  }),
  DAEMON_START_FAILED: spec({
    exit: Exit.Daemon,
    message: (p: { reason: string }) => `the daemon did not start: ${p.reason}`,
    hint: (p: { reason: string; log?: string; next?: string }) =>
      p.next ?? (p.log ? `its log is ${p.log}` : "`banger doctor` checks the host"),
  }),
  DAEMON_VERSION: spec({
    exit: Exit.Daemon,
    message: (p: { daemon: string; cli: string }) => `the daemon is version ${p.daemon}, this banger is ${p.cli}`,
    hint: (p: { daemon: string; cli: string; next?: string }) =>
      p.next ?? "run `banger daemon stop` and try again: running VMs stay up, and it lists what would end",
  }),
  DAEMON_STATE: spec({
    exit: Exit.Daemon,
    message: (p: { socket: string; daemon: string; cli: string }) =>
      `the daemon at ${p.socket} keeps its VMs in ${p.daemon}, not in ${p.cli}`,
    hint: (p) =>
      `unset XDG_STATE_HOME to use that daemon, or set XDG_RUNTIME_DIR to another folder for a daemon of ${p.cli}`,
  }),
  DAEMON_IN_USE: spec({
    exit: Exit.Conflict,
    message: (p: { uses: readonly string[] }) =>
      `the daemon is in use, and these would end with it:\n  ${p.uses.join("\n  ")}`,
    hint: () => "wait for them with `banger daemon stop --when-idle`, or end them with `banger daemon stop --force`",
  }),
  DAEMON_RUNNING: spec({
    exit: Exit.Conflict,
    message: (p: { directory: string; pid: number }) => `another daemon (pid ${p.pid}) uses ${p.directory}`,
    hint: () => "use that one, or stop it with `banger daemon stop`",
  }),
  CACHE_OWNED: spec({
    exit: Exit.Daemon,
    message: (p: { cache: string; state: string }) => `the cache ${p.cache} belongs to the state folder ${p.state}`,
    hint: () =>
      "give this state folder a cache of its own (set XDG_CACHE_HOME as well as XDG_STATE_HOME), or use the other one; a cache whose state folder was deleted is taken over",
  }),
  DAEMON_NOT_RUNNING: spec({
    exit: Exit.Daemon,
    message: (p: { socket: string }) => `no daemon is running at ${p.socket}`,
    hint: (p: { socket: string; next?: string }) => p.next ?? "any command that needs it starts it",
  }),
  PEER_REFUSED: spec({
    exit: Exit.Daemon,
    message: (p: { reason: string }) => `the daemon refused the connection: ${p.reason}`,
    hint: () => "each user has a daemon of their own: unset BANGER_SOCKET",
  }),
  REQUEST_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { problems: readonly string[] }) => `bad request: ${p.problems.join("; ")}`,
    hint: () => "docs/api.md describes every request",
  }),
  ROUTE_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { method: string; path: string }) => `the daemon has no route ${p.method} ${p.path}`,
    hint: () => "docs/api.md lists every route",
  }),
  STORE_TOO_NEW: spec({
    exit: Exit.Daemon,
    message: (p: { found: number; known: number }) =>
      `the state database has schema ${p.found}, this banger knows schemas up to ${p.known}`,
    hint: () => "a newer banger has used this state folder: use that banger, or update this one",
  }),
  REQUEST_TOO_LARGE: spec({
    exit: Exit.Usage,
    message: (p: { limit: number }) => `the request's body is larger than ${p.limit} bytes`,
    hint: () => "docs/api.md lists the limits of every request",
  }),
  DAEMON_STOPPING: spec({
    exit: Exit.Daemon,
    message: () => "the daemon is stopping",
    hint: () => "run the same command again: it starts a new daemon, and VMs stay up",
  }),
};
