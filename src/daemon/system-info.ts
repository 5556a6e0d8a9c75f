/** What a daemon of system mode says of the root helper and of its VMs' limits. */
import type { HostInfo } from "../api/types.ts";
import { toBangerError } from "../base/errors/error.ts";
import type { HelperStatus } from "../wire/helper/verbs.ts";

export type SystemParts = {
  /** @throws NETWORK_FAILED */
  helper(): Promise<HelperStatus>;
  /** why VMs have no control groups, as a clause; null: they have */
  limitsProblem: string | null;
};

/** Never rejects. */
export async function systemInfo({ helper, limitsProblem }: SystemParts): Promise<NonNullable<HostInfo["system"]>> {
  try {
    return { helper: shown(await helper()), helperProblem: null, limitsProblem };
  } catch (error) {
    const { message, hint, details } = toBangerError(error);
    // of NETWORK_FAILED the parts that are not about one VM
    const { reason = message, install = hint } = details as { reason?: string; install?: string };
    return { helper: null, helperProblem: { why: reason, fix: install }, limitsProblem };
  }
}

function shown({ version, bridge, taps, nat, firewalls }: HelperStatus) {
  return { version, bridge: bridge && `${bridge.address}/${bridge.prefix}`, taps: taps.length, nat, firewalls };
}
