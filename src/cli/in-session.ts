/** A session in a VM that runs: `vm exec` and `vm ssh`. */

import { cancellable } from "./abort.ts";
import type { CliContext } from "./context.ts";
import { type EnvFlags, environmentOf } from "./environment.ts";
import { explainLoss, requireExecutable, runSession } from "./session.ts";
import { printNotices } from "./vm-notices.ts";
import { type JsonFlag, running, sessionExit } from "./work.ts";

export type SessionFlags = JsonFlag & EnvFlags & { cwd?: string; user?: string; tty?: boolean; noStdin?: boolean };

/** @param argv null: the login shell */
export async function inSession(
  context: CliContext,
  flags: SessionFlags,
  name: string,
  argv: () => readonly string[] | null,
): Promise<void> {
  await running(
    context,
    flags,
    async () => {
      const { cwd, user, tty, noStdin } = flags;
      const request = { argv: argv(), env: await environmentOf(context, flags), cwd, user, tty, noStdin };
      requireExecutable(request);
      const client = await cancellable(context.signals, (signal) => context.api.agent(name, signal));
      printNotices(context, name, client);
      try {
        const end = await runSession(context, { name, client }, request);
        if (end.kind !== "lost") return end.code;
        throw (await explainLoss(context, name, end.error)).error();
      } finally {
        client.destroy();
      }
    },
    sessionExit,
  );
}
