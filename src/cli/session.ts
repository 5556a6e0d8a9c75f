/** A user's session in a running VM: what `vm run`, `vm exec` and `vm ssh` have in common. */

import type { BangerError } from "../base/errors/error.ts";
import type { AgentClient, ExecRequest } from "../client/attach.ts";
import { type AttachEnd, attach } from "../client/attach.ts";
import type { CliContext } from "./context.ts";

export type SessionRequest = {
  /** null: the login shell */
  argv: readonly string[] | null;
  env: Record<string, string>;
  cwd?: string | undefined;
  user?: string | undefined;
  /** undefined: when stdin and stdout are terminals */
  tty?: boolean | undefined;
};

export async function runSession(
  context: CliContext,
  client: AgentClient,
  request: SessionRequest,
): Promise<AttachEnd> {
  const { stdio } = context;
  const terminal = request.tty ?? (stdio.stdinIsTerminal && stdio.stdoutIsTerminal);
  return attach(client, execRequest(context, request, terminal), { terminal, stdio, signals: context.signals });
}

function execRequest(context: CliContext, request: SessionRequest, terminal: boolean): ExecRequest {
  const term = context.env["TERM"];
  const env = { ...(terminal && term ? { TERM: term } : {}), ...request.env };
  return {
    ...(request.argv === null ? { shell: true } : { argv: [...request.argv] }),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
    ...(request.user === undefined ? {} : { user: request.user }),
  };
}

/** Why a session was lost, without the sentence around it. */
export function lossReason(error: BangerError): string {
  const { reason } = error.details;
  return typeof reason === "string" ? reason : error.message;
}

/** What to type to come back to a VM, or to be rid of it. */
export function waysOn(name: string): string {
  return `VM "${name}" is running: return with \`banger vm ssh ${name}\`, stop it with \`banger vm stop ${name}\`, remove it with \`banger vm delete ${name}\`\n`;
}
