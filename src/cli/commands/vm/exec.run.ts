/** `banger vm exec`: a command in a running VM. */
import { fail } from "../../../base/errors/error.ts";
import { explainLoss } from "../../../client/session/loss.ts";
import { openSession } from "../../../client/session/open.ts";
import { requireExecutable, runSession } from "../../../client/session/run.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type EnvFlags, environmentOf } from "../../environment.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { type JsonFlag, running, sessionExit } from "../../work.ts";

type ExecFlags = JsonFlag &
  EnvFlags & { cwd?: string; user?: string; tty?: boolean; interactive?: boolean; noStdin?: boolean };

export async function exec(this: CliContext, flags: ExecFlags, name: string): Promise<void> {
  await running(
    this,
    flags,
    async () => {
      const { cwd, user, tty, noStdin } = flags;
      const argv = commandOf(this, name);
      const request = { argv, env: await environmentOf(this, flags), cwd, user, tty, noStdin };
      requireExecutable(request);
      const session = await cancellable(this.signals, (signal) => openSession(this, name, noticePrinter(this), signal));
      try {
        const end = await runSession(this, session, request);
        if (end.kind !== "lost") return end.code;
        throw (await explainLoss(this, name, end.error)).error();
      } finally {
        session.client.destroy();
      }
    },
    sessionExit,
  );
}

function commandOf({ guestArgv }: CliContext, name: string): readonly string[] {
  if (guestArgv?.length) return guestArgv;
  throw fail("USAGE", {
    problem: "there is no command to run",
    next: `put it after --, as in \`banger vm exec ${name} -- uname -a\`; for a shell use \`banger vm ssh ${name}\``,
  });
}
