/** `banger vm exec` and `banger vm ssh`: a command or a shell in a VM that runs. */
import { fail } from "../../base/errors/error.ts";
import { Exit } from "../../base/exit.ts";
import { Interrupted } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { envOf } from "../flags.ts";
import { lossReason, runSession } from "../session.ts";
import { type JsonFlag, running } from "../work.ts";

export type ExecFlags = JsonFlag & { env?: readonly string[]; cwd?: string; user?: string; tty?: boolean };

const exitOf = (exit: number) => (exit === Exit.Usage || exit >= Exit.Run ? exit : Exit.Run);

export async function exec(this: CliContext, flags: ExecFlags, name: string): Promise<void> {
  await running(
    this,
    flags,
    async () => {
      if (!this.guestArgv?.length) {
        throw fail("USAGE", {
          problem: "there is no command to run",
          next: `put it behind --, as in \`banger vm exec ${name} -- uname -a\`; for a shell use \`banger vm ssh ${name}\``,
        });
      }
      return sessionIn(this, flags, name);
    },
    exitOf,
  );
}

export async function ssh(this: CliContext, flags: ExecFlags, name: string): Promise<void> {
  await running(this, flags, () => sessionIn(this, flags, name), exitOf);
}

async function sessionIn(context: CliContext, flags: ExecFlags, name: string): Promise<number> {
  const { cwd, user, tty } = flags;
  const argv = context.guestArgv?.length ? context.guestArgv : null;
  const client = await context.api.agent(name);
  try {
    const end = await runSession(context, client, { argv, env: envOf(flags.env, context.env), cwd, user, tty });
    if (end.kind !== "lost") return end.code;
    throw fail("SESSION_LOST", { name, reason: lossReason(end.error) }, end.error);
  } catch (error) {
    if (error instanceof Interrupted) return error.code;
    throw error;
  } finally {
    client.destroy();
  }
}
