/** Talking to the daemon that replaced the one this program started with; after an upgrade it may be a newer version. */
import { fail } from "../base/errors/error.ts";
import type { Api } from "../client/api.ts";
import type { AgentClient } from "../client/attach.ts";
import type { CliContext } from "./context.ts";
import { printNotices } from "./vm-notices.ts";

/** Talks to the current daemon in its own version; starts one if none is running. */
export async function nextApi(context: CliContext): Promise<Api> {
  const { version } = await context.api.json("daemonInfo");
  const newer = version === context.version ? null : await context.runningApi(version);
  return newer ?? context.api;
}

/** A new session with a running VM; one that was suspended meanwhile is not woken. @throws VM_STATE, AGENT_UNREACHABLE */
export async function reconnect(context: CliContext, name: string, signal: AbortSignal): Promise<AgentClient> {
  const api = await nextApi(context);
  const { state } = await api.json("showVm", { name });
  if (state !== "running") throw notRunning(name, state);
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  // a lost line may be the first sign that the VM has ended: stop waiting for its agent then
  api
    .work("waitVm", { name }, () => {}, either)
    .then(
      ({ value }) => over.abort(notRunning(name, value.state)),
      () => {},
    );
  try {
    const client = await api.agent(name, either, { wakes: false });
    printNotices(context, name, client);
    return client;
  } finally {
    over.abort();
  }
}

function notRunning(name: string, state: string): Error {
  return fail("VM_STATE", {
    name,
    state,
    action: "open a session in",
    next: `start it with \`banger vm start ${name}\``,
  });
}
