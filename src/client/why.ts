/** Why a session with a VM broke off: the VM's state tells more than the line that was cut. */
import { isError } from "../base/errors/error.ts";
import type { VmView } from "../model/vm.ts";
import type { Api } from "./api.ts";

/** `ms` that the daemon has to see the end of a VM whose line was cut */
const settleMs = 2000;

export type Why = {
  /** what happened, as the rest of "the session was lost: …" */
  reason: string;
  /** whether the VM runs, so that one can go back */
  isRunning: boolean;
};

/** @param otherwise what the line itself said */
export async function whyLost(api: Api, name: string, otherwise: string, waitMs = settleMs): Promise<Why> {
  try {
    const { value } = await api.work("waitVm", { name }, () => {}, AbortSignal.timeout(waitMs));
    return { reason: endOf(value), isRunning: false };
  } catch (error) {
    if (isError(error, "VM_NOT_FOUND")) return { reason: "the VM was deleted", isRunning: false };
  }
  // it goes on, or the daemon can't tell
  const state = await api.json("showVm", { name }).then(
    (vm) => vm.state,
    () => null,
  );
  if (state === "starting") return { reason: "the guest reboots", isRunning: true };
  return { reason: otherwise, isRunning: state === "running" || state === "paused" };
}

function endOf({ state, failure }: VmView): string {
  if (failure) return `the VM failed: ${failure.reason}`;
  if (state === "stopped") return "the VM has stopped";
  return `the VM is ${state}`;
}
