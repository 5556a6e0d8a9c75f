/** `vm exec`: a session in a running VM. */
import { explainLoss } from "../client/session/loss.ts";
import { openSession } from "../client/session/open.ts";
import { requireExecutable, runSession } from "../client/session/run.ts";
import { cancellable } from "./abort.ts";
import type { CliContext } from "./context.ts";
import { type EnvFlags, environmentOf } from "./environment.ts";
import { noticePrinter } from "./vm-notices.ts";
import { type JsonFlag, running, sessionExit } from "./work.ts";

export type SessionFlags = JsonFlag &
  EnvFlags & { cwd?: string; user?: string; tty?: boolean; interactive?: boolean; noStdin?: boolean };

export async function inSession(
  context: CliContext,
  flags: SessionFlags,
  name: string,
  argv: () => readonly string[],
): Promise<void> {
  await running(
    context,
    flags,
    async () => {
      const { cwd, user, tty, noStdin } = flags;
      const request = { argv: argv(), env: await environmentOf(context, flags), cwd, user, tty, noStdin };
      requireExecutable(request);
      const session = await cancellable(context.signals, (signal) =>
        openSession(context, name, noticePrinter(context), signal),
      );
      try {
        const end = await runSession(context, session, request);
        if (end.kind !== "lost") return end.code;
        throw (await explainLoss(context, name, end.error)).error();
      } finally {
        session.client.destroy();
      }
    },
    sessionExit,
  );
}
