/** `banger vm ssh`: a shell or a command in a running VM. */
import type { CliContext } from "../../context.ts";
import { inSession, type SessionFlags } from "../../in-session.ts";

export async function ssh(this: CliContext, flags: SessionFlags, name: string): Promise<void> {
  await inSession(this, flags, name, () => (this.guestArgv?.length ? this.guestArgv : null));
}
