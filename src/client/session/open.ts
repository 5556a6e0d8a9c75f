/** Opens a session with a VM's agent, and opens it again if the daemon between them was replaced. */
import { fail } from "../../base/errors/error.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { DaemonAccess } from "../dependencies.ts";
import { nextApi } from "../next-daemon.ts";
import { listenForNotices, type OnVmNotice } from "./notices.ts";

/** An open session with a VM's agent. */
export type VmSession = {
  /** name of the VM */
  name: string;
  client: AgentClient;
  /** also called for a session that replaces this one */
  onNotice: OnVmNotice;
};

/** With a running VM; a suspended one is woken. @throws VM_NOT_FOUND, VM_STATE, AGENT_UNREACHABLE, the signal's reason */
export async function openSession(
  { api }: Pick<DaemonAccess, "api">,
  name: string,
  onNotice: OnVmNotice,
  signal: AbortSignal,
): Promise<VmSession> {
  const client = await api.agent(name, signal);
  listenForNotices(client, name, onNotice);
  return { name, client, onNotice };
}

/** A new session with the same running VM; one that was suspended meanwhile is not woken. @throws VM_STATE, AGENT_UNREACHABLE */
export async function reopenSession(
  daemon: DaemonAccess,
  { name, onNotice }: Pick<VmSession, "name" | "onNotice">,
  signal: AbortSignal,
): Promise<AgentClient> {
  const api = await nextApi(daemon);
  const { state } = await api.json("showVm", { name });
  if (state !== "running") throw notRunning(name, state);
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  // a lost connection may be the first sign that the VM has ended: stop waiting for its agent then
  api
    .work("waitVm", { name }, () => {}, either)
    .then(
      ({ value }) => over.abort(notRunning(name, value.state)),
      () => {},
    );
  try {
    const client = await api.agent(name, either, { wakes: false });
    listenForNotices(client, name, onNotice);
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
