/** `banger vm ssh`: the host's own ssh, connected to a VM. */
import { fail } from "../../../base/errors/error.ts";
import { isVmName } from "../../../base/names.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, running, sessionExit } from "../../work.ts";

type Flags = JsonFlag & { user?: string | undefined };

export async function ssh(this: CliContext, { user, ...flags }: Flags, name: string): Promise<void> {
  await running(
    this,
    flags,
    async () => {
      if (!isVmName(name)) throw fail("VM_NOT_FOUND", { name });
      const login = user === undefined ? [] : ["-l", user];
      // ssh takes options behind the host, too, and what follows the first other word is the command
      await (await this.sshAccess()).connect([...login, `${name}.vm`, ...(this.guestArgv ?? [])]);
    },
    sessionExit,
  );
}
