/** Explains why a session with a VM was lost: the state of the VM tells more than the closed connection. */
import { type BangerError, fail, isError } from "../../base/errors/error.ts";
import type { VmView } from "../../model/vm.ts";
import type { Api } from "../api.ts";
import type { DaemonAccess } from "../dependencies.ts";

export type Loss = {
  /** what happened, to follow "the session was lost: " */
  reason: string;
  /** whether the VM is running, so that a new session is possible */
  isRunning: boolean;
  /** SESSION_LOST with the reason. @param next the hint, if the usual one about a VM that is kept would be wrong */
  error(next?: string): BangerError;
};

/** Asks the daemon for the state of the VM. @param lost the SESSION_LOST that the end of the connection caused */
export async function explainLoss({ api }: Pick<DaemonAccess, "api">, name: string, lost: BangerError): Promise<Loss> {
  const { reason } = lost.details;
  const why = await whyLost(api, name, typeof reason === "string" ? reason : lost.message);
  return { ...why, error: (next) => lossError(name, why, next, lost) };
}

type Why = Pick<Loss, "reason" | "isRunning">;

/** `ms` for the daemon to notice the end of a VM whose connection was closed */
const endMs = 2000;

async function whyLost(api: Api, name: string, otherwise: string): Promise<Why> {
  try {
    const { value } = await api.work("waitVm", { name }, () => {}, AbortSignal.timeout(endMs));
    return { reason: endOf(value), isRunning: false };
  } catch (error) {
    if (isError(error, "VM_NOT_FOUND")) return { reason: "the VM was deleted", isRunning: false };
  }
  // it is still running, or the daemon does not know
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
