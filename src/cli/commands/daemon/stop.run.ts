/** `banger daemon stop`: returns when the daemon has ended; never starts one. Lists first what would end with it. */
import type { DaemonInfo, StopTime } from "../../../api/types.ts";
import { fail, isError } from "../../../base/errors/error.ts";
import type { Api } from "../../../client/api.ts";
import { ask } from "../../confirm.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

export type StopFlags = JsonFlag & { force?: boolean; whenIdle?: boolean };

export async function stop(this: CliContext, flags: StopFlags): Promise<void> {
  await running(this, flags, async () => {
    if (flags.force && flags.whenIdle) throw bothFlags();
    const api = await this.runningApi();
    if (!api) {
      if (flags.json) printJson(this, null);
      return remark(this, flags, "no daemon is running\n");
    }
    const info = await stopDaemon(this, flags, api);
    await this.processEnd(info.pid);
    if (flags.json) printJson(this, info);
    else print(this, `the daemon (pid ${info.pid}) has stopped; VMs keep running${sessionsOf(info)}\n`);
    if (this.serviceOwner !== null) remark(this, flags, "`sudo banger system restart` starts the service again\n");
  });
}

/** Clients of resumable sessions start the next daemon right away. */
function sessionsOf({ inUse }: Partial<DaemonInfo>): string {
  const count = inUse?.filter(({ resumable }) => resumable).length ?? 0;
  return count > 0 ? ", and sessions in them continue through the next daemon" : "";
}

async function stopDaemon(context: CliContext, flags: StopFlags, api: Api): Promise<DaemonInfo> {
  const stopAt = (when: StopTime) => api.json("daemonStop", { query: { when } });
  if (flags.force) return stopAt("now");
  if (flags.whenIdle) return stopWhenIdle(context, flags, api);
  try {
    await refuseIfOlderInUse(context, api);
    return await stopAt("unused");
  } catch (error) {
    const { stdinIsTerminal, stderrIsTerminal } = context.stdio;
    if (!isError(error, "DAEMON_IN_USE") || flags.json || !stdinIsTerminal || !stderrIsTerminal) throw error;
    remark(context, flags, `${error.message}\n`);
    if (await ask(context, "stop it anyway")) return stopAt("now");
    throw fail("NOT_CONFIRMED", {});
  }
}

async function stopWhenIdle(context: CliContext, flags: StopFlags, api: Api): Promise<DaemonInfo> {
  const { inUse } = await api.json("daemonInfo");
  if (inUse === undefined) throw fail("USAGE", { problem: "this daemon is too old to wait", next: "use --force" });
  for (const { what, pid } of inUse) remark(context, flags, `waiting for ${what} (process ${pid})\n`);
  return api.json("daemonStop", { query: { when: "idle" } });
}

/** A daemon that is too old to report what is in use always stops at once, so its ephemeral VMs are checked here. */
async function refuseIfOlderInUse(context: CliContext, api: Api): Promise<void> {
  const { inUse, version } = (await api.json("daemonInfo")) as Partial<DaemonInfo>;
  if (inUse !== undefined) return;
  const vms = (await (await context.runningApi(version))?.json("listVms")) ?? [];
  const uses = vms.filter(({ ephemeral }) => ephemeral).map(({ name }) => `VM "${name}", made with --rm or by a build`);
  if (uses.length > 0) throw fail("DAEMON_IN_USE", { uses });
}

function bothFlags(): Error {
  const next = "--when-idle waits until nothing is in use; --force does not wait";
  return fail("USAGE", { problem: "--force and --when-idle exclude each other", next });
}
