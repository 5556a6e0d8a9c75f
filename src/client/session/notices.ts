/** What the daemon says about a session's VM while the session lasts. */
import { parseIpv4 } from "../../base/ipv4.ts";
import { integerOf, textOf } from "../../base/untrusted-json.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import type { AgentClient, Json } from "../../wire/agent/types.ts";

export type StateNotice = {
  /** the VM's */
  name: string;
  state: "paused" | "running";
  /** why, as one line that is safe to print */
  text: string;
};

/** A program in the guest listens on a port. */
export type PortNotice = {
  /** the VM's */
  name: string;
  guestPort: number;
  /** where this host reaches it */
  address: string;
  hostPort: number;
  /** why it does not, as one line that is safe to print; null: it does */
  problem: string | null;
};

export type VmNotice = StateNotice | PortNotice;
export type OnVmNotice = (notice: VmNotice) => void;

/** Calls `onNotice` from now on, until the session ends. Notices of another kind or form are passed over. */
export function listenForNotices(client: Pick<AgentClient, "onNotice">, name: string, onNotice: OnVmNotice): void {
  client.onNotice((said) => {
    const notice = said["notice"] === "port" ? portNotice(name, said) : stateNotice(name, said);
    if (notice) onNotice(notice);
  });
}

function stateNotice(name: string, { notice, state, text }: Json): StateNotice | null {
  if (notice !== "vm" || (state !== "paused" && state !== "running") || typeof text !== "string") return null;
  return { name, state, text: oneLine(text) };
}

function portNotice(name: string, said: Json): PortNotice | null {
  const guestPort = integerOf(said["guestPort"], 1, 65_535);
  const hostPort = integerOf(said["hostPort"], 1, 65_535);
  const address = said["address"];
  if (guestPort === null || hostPort === null) return null;
  if (typeof address !== "string" || parseIpv4(address) === null) return null;
  return { name, guestPort, address, hostPort, problem: textOf(said["problem"], 500) };
}
