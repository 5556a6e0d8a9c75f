/** `banger vm exec`: a command in a running VM. */
import { fail } from "../../../base/errors/error.ts";
import type { CliContext } from "../../context.ts";
import { inSession, type SessionFlags } from "../../in-session.ts";

export async function exec(this: CliContext, flags: SessionFlags, name: string): Promise<void> {
  await inSession(this, flags, name, () => {
    if (this.guestArgv?.length) return this.guestArgv;
    throw fail("USAGE", {
      problem: "there is no command to run",
      next: `put it after --, as in \`banger vm exec ${name} -- uname -a\`; for a shell use \`banger vm ssh ${name}\``,
    });
  });
}
