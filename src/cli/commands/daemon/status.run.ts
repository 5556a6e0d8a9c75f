/** `banger daemon status`; never starts a daemon. */
import { fail } from "../../../base/errors/error.ts";
import { formatAge } from "../../../base/units.ts";
import type { CliContext } from "../../context.ts";
import { pairs } from "../../ui/table.ts";
import { type JsonFlag, print, printJson, running } from "../../work.ts";

export async function status(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const api = await this.runningApi();
    if (!api) throw fail("DAEMON_NOT_RUNNING", { socket: this.socket, ...serviceAdvice(this) });
    const info = await api.json("daemonInfo");
    if (flags.json) return printJson(this, info);
    print(
      this,
      pairs([
        ["pid", String(info.pid)],
        ["version", info.version],
        ["socket", info.socket],
        ["running for", formatAge(this.now() - info.startedAt)],
        ["state", info.stateDirectory],
      ]),
    );
  });
}

/** Only systemd starts the service. */
function serviceAdvice({ serviceOwner }: CliContext): { next?: string } {
  return serviceOwner === null ? {} : { next: "`sudo banger system restart` starts the service" };
}
