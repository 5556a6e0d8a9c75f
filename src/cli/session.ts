/** A user's session in a running VM: what `vm run`, `vm exec` and `vm ssh` have in common. */
import { type BangerError, fail } from "../base/errors/error.ts";
import { execProblem } from "../base/exec-limits.ts";
import { type AgentClient, type AttachEnd, attach, type ExecRequest } from "../client/attach.ts";
import { type Why, whyLost } from "../client/why.ts";
import type { CliContext } from "./context.ts";
import { reconnect } from "./next-daemon.ts";

export type SessionRequest = {
  /** null: the login shell */
  argv: readonly string[] | null;
  /** what runs where the user's login shell refuses logins */
  instead?: readonly string[] | undefined;
  /** the program is PID 1 of a process namespace, as in a container */
  pid1?: boolean | undefined;
  env: Record<string, string>;
  cwd?: string | undefined;
  user?: string | undefined;
  /** undefined: when stdin and stdout are terminals, and a command is not in the background */
  tty?: boolean | undefined;
  noStdin?: boolean | undefined;
};

/** A VM, and the connection to it that a session begins on. */
export type Entered = { name: string; client: AgentClient };

export function runSession(
  context: CliContext,
  { name, client }: Entered,
  request: SessionRequest,
): Promise<AttachEnd> {
  const { stdio, signals, env } = context;
  const terminal = request.tty ?? isInteractive(context, request);
  const noStdin = request.noStdin ?? false;
  return attach(client, execRequest(context, request, terminal), {
    terminal,
    term: env["TERM"],
    noStdin,
    stdio,
    signals,
    reopen: (signal) => reconnect(context, name, signal),
  });
}

/** A job in the background can't use the terminal; a shell waits there to be moved into the foreground. */
function isInteractive({ stdio }: CliContext, { argv, noStdin }: SessionRequest): boolean {
  if (noStdin || !stdio.stdinIsTerminal || !stdio.stdoutIsTerminal) return false;
  return argv === null || stdio.isInForeground();
}

/** Known before a VM is made or reached. @throws COMMAND_TOO_LARGE */
export function requireExecutable({ argv, env }: Pick<SessionRequest, "argv" | "env">): void {
  const problem = execProblem(argv ?? [], env);
  if (problem !== null) throw fail("COMMAND_TOO_LARGE", { problem });
}

function execRequest(context: CliContext, request: SessionRequest, terminal: boolean): ExecRequest {
  const colors = context.env["COLORTERM"];
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

/** A session that broke off, with what the daemon knows about it. */
export async function explainLoss(context: CliContext, name: string, lost: BangerError): Promise<Loss> {
  const { reason: said } = lost.details;
  const why = await whyLost(context.api, name, typeof said === "string" ? said : lost.message);
  return { ...why, error: (next) => lossError(name, why, next, lost) };
}

export type Loss = Why & {
  /** @param next what to do, when it isn't what one does with a VM that is kept */
  error(next?: string): BangerError;
};

function lossError(
  name: string,
  { reason, isRunning }: Why,
  next: string | undefined,
  cause: BangerError,
): BangerError {
  const look = `\`banger vm logs ${name}\` shows its console; \`banger vm start ${name}\` starts it again`;
  const hint = next ?? (isRunning ? undefined : look);
  return fail("SESSION_LOST", { name, reason, ...(hint === undefined ? {} : { next: hint }) }, cause);
}

/** What to type to come back to a VM, or to be rid of it. */
export function waysOn(name: string): string {
  return `VM "${name}" is running: return with \`banger vm ssh ${name}\`, stop it with \`banger vm stop ${name}\`, remove it with \`banger vm delete ${name}\``;
}

/** Of a new VM whose command could not be started: as docker does, it is kept without `--rm`. */
export function keptFor(name: string): string {
  return `the command did not run, and VM "${name}" is kept and running: try another with \`banger vm exec ${name} -- COMMAND\`, or remove it with \`banger vm delete ${name}\` (with --rm it is removed by itself)`;
}
