/** Why a connection to the guest could not be opened, as the user's ssh client shows it behind "open failed", or a listener there. Pure. */
import { isError, toBangerError } from "../../base/errors/error.ts";

/** by the agent's code for a refused `dial` */
const reasons = new Map(
  Object.entries({
    refused: "connection refused",
    unreachable: "unreachable from the guest",
    timeout: "no answer in time",
    no_name: "no such host name in the guest",
    bad_request: "not an address or host name",
    limit: "too many connections to the guest",
  }),
);

export function openFailure(error: unknown): string {
  return reasonOf(error, reasons);
}

/** by the agent's code for a refused `listen` */
const listenReasons = new Map(
  Object.entries({
    busy: "it is taken",
    limit: "too many listeners in the VM",
    unsupported: "its agent is too old: restart the VM",
    bad_request: "not an address of the VM",
  }),
);

/** Why something can't be listened at in the guest. */
export function listenFailure(error: unknown): string {
  return reasonOf(error, listenReasons);
}

function reasonOf(error: unknown, words: ReadonlyMap<string, string>): string {
  const known = isError(error, "AGENT_REFUSED") ? words.get(String(error.details["code"])) : undefined;
  return known ?? toBangerError(error).message;
}
