/** `banger daemon status` and `stop`: they never start one. */
import type { DaemonInfo } from "../../api/types.ts";
import { fail } from "../../base/errors/error.ts";
import { formatAge } from "../../base/units.ts";
import type { CliContext } from "../context.ts";
import { pairs } from "../ui/table.ts";
import { type JsonFlag, printJson, running } from "../work.ts";

export async function status(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const api = await this.runningApi();
    if (!api) throw fail("DAEMON_NOT_RUNNING", { socket: this.socket });
    const info = await api.json<DaemonInfo>("GET", "/v1/daemon");
    if (flags.json) return printJson(this, info);
    const { pid, version, socket, startedAt, stateDirectory } = info;
    const age = formatAge(this.now() - startedAt);
    this.process.stdout.write(
      pairs([
        ["pid", String(pid)],
        ["version", version],
        ["socket", socket],
        ["running for", age],
        ["state", stateDirectory],
      ]),
    );
  });
}

export async function stop(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const api = await this.runningApi();
    if (!api) {
      if (flags.json) printJson(this, null);
      else this.process.stderr.write("no daemon is running\n");
      return;
    }
    const info = await api.json<DaemonInfo>("POST", "/v1/daemon/stop");
    await this.processEnd(info.pid);
    if (flags.json) printJson(this, info);
    else this.process.stdout.write(`the daemon (pid ${info.pid}) stops; VMs go on\n`);
  });
}
