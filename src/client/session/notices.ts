/** What the daemon says about a session's VM while the session lasts. */
import { oneLine } from "../../base/untrusted-text.ts";
import type { AgentClient } from "../../wire/agent/types.ts";

export type VmNotice = {
  /** the VM's */
  name: string;
  state: "paused" | "running";
  /** why, as one line that is safe to print */
  text: string;
};
export type OnVmNotice = (notice: VmNotice) => void;

/** Calls `onNotice` from now on, until the session ends. Notices of another kind or form are passed over. */
export function listenForNotices(client: Pick<AgentClient, "onNotice">, name: string, onNotice: OnVmNotice): void {
  client.onNotice(({ notice, state, text }) => {
    if (notice !== "vm" || (state !== "paused" && state !== "running") || typeof text !== "string") return;
    onNotice({ name, state, text: oneLine(text) });
  });
}
