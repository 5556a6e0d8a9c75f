/** Why a session with a VM broke off: the VM's state says more than the connection that was cut. */
import { type BangerError, fail, isError } from "../../base/errors/error.ts";
import type { VmView } from "../../model/vm.ts";
import type { Api } from "../api.ts";
import type { DaemonAccess } from "../dependencies.ts";

export type Loss = {
  /** what happened, as the rest of "the session was lost: …" */
  reason: string;
  /** whether the VM runs, so that one can go back */
  isRunning: boolean;
  /** SESSION_LOST with the reason. @param next the hint, where the usual one about a VM that is kept would be wrong */
  error(next?: string): BangerError;
};

/** Asks the daemon what became of the VM. @param lost SESSION_LOST, as the connection's end was reported */
export async function explainLoss({ api }: Pick<DaemonAccess, "api">, name: string, lost: BangerError): Promise<Loss> {
  const { reason } = lost.details;
  const why = await whyLost(api, name, typeof reason === "string" ? reason : lost.message);
  return { ...why, error: (next) => lossError(name, why, next, lost) };
}

type Why = Pick<Loss, "reason" | "isRunning">;

/** `ms` that the daemon has to see the end of a VM whose connection was cut */
const endMs = 2000;

async function whyLost(api: Api, name: string, otherwise: string): Promise<Why> {
  try {
    const { value } = await api.work("waitVm", { name }, () => {}, AbortSignal.timeout(endMs));
    return { reason: endOf(value), isRunning: false };
  } catch (error) {
    if (isError(error, "VM_NOT_FOUND")) return { reason: "the VM was deleted", isRunning: false };
  }
  // it still runs, or the daemon can't tell
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

function lossError(
  name: string,
  { reason, isRunning }: Why,
  next: string | undefined,
  cause: BangerError,
): BangerError {
  const look = `\`banger vm logs ${name}\` shows its console; \`banger vm start ${name}\` starts it again`;
  const hint = next ?? (isRunning ? undefined : look);
  return fail("SESSION_LOST", { name, reason, ...(hint === undefined ? {} : { next: hint }) }, cause);
}
