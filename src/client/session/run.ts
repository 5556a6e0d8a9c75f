/** Runs a command or a shell in a VM, connected to the user's terminal: what `vm run` and `vm exec` have in common. */
import { fail } from "../../base/errors/error.ts";
import { execProblem } from "../../base/exec-limits.ts";
import type { ExecRequest } from "../../wire/agent/types.ts";
import type { DaemonAccess, SessionTerminal } from "../dependencies.ts";
import { type AttachEnd, attach } from "./attach.ts";
import { reopenSession, type VmSession } from "./open.ts";

export type SessionRequest = {
  /** null: the login shell */
  argv: readonly string[] | null;
  /** what to run if the user's login shell refuses logins */
  instead?: readonly string[] | undefined;
  /** run the program as PID 1 of a process namespace, as in a container */
  pid1?: boolean | undefined;
  env: Record<string, string>;
  cwd?: string | undefined;
  user?: string | undefined;
  /** undefined: when stdin and stdout are terminals, and a command is not in the background */
  tty?: boolean | undefined;
  noStdin?: boolean | undefined;
};

/** Runs it to its end; when the daemon is replaced meanwhile, through the next one. @throws as `attach` does */
export function runSession(
  needs: DaemonAccess & SessionTerminal,
  session: VmSession,
  request: SessionRequest,
): Promise<AttachEnd> {
  const { stdio, signals, env } = needs;
  const terminal = request.tty ?? isInteractive(needs, request);
  const noStdin = request.noStdin ?? false;
  return attach(session.client, execRequest(needs, request, terminal), {
    terminal,
    term: env["TERM"],
    noStdin,
    stdio,
    signals,
    reopen: (signal) => reopenSession(needs, session, signal),
  });
}

/** A background job can't use the terminal, but a shell waits to be moved to the foreground. */
function isInteractive({ stdio }: SessionTerminal, { argv, noStdin }: SessionRequest): boolean {
  if (noStdin || !stdio.stdinIsTerminal || !stdio.stdoutIsTerminal) return false;
  return argv === null || stdio.isInForeground();
}

/** Checked before a VM is created or reached. @throws COMMAND_TOO_LARGE */
export function requireExecutable({ argv, env }: Pick<SessionRequest, "argv" | "env">): void {
  const problem = execProblem(argv ?? [], env);
  if (problem !== null) throw fail("COMMAND_TOO_LARGE", { problem });
}

function execRequest(needs: SessionTerminal, request: SessionRequest, terminal: boolean): ExecRequest {
  const colors = needs.env["COLORTERM"];
  const env = { ...(terminal && colors ? { COLORTERM: colors } : {}), ...request.env };
  return {
    ...(request.argv === null ? { shell: true } : { argv: [...request.argv] }),
    ...(request.instead?.length ? { instead: [...request.instead] } : {}),
    ...(request.pid1 ? { pid1: true } : {}),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.user === undefined ? {} : { user: request.user }),
  };
}
