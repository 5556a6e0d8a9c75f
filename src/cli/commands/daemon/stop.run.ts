/** `banger daemon stop`: returns when it has ended; never starts one. */
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

export async function stop(this: CliContext, flags: JsonFlag): Promise<void> {
  await running(this, flags, async () => {
    const api = await this.runningApi();
    if (!api) {
      if (flags.json) printJson(this, null);
      return remark(this, flags, "no daemon is running\n");
    }
    const info = await api.json("daemonStop");
    await this.processEnd(info.pid);
    if (flags.json) printJson(this, info);
    else print(this, `the daemon (pid ${info.pid}) has stopped; VMs go on\n`);
  });
}
