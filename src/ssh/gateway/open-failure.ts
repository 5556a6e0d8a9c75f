/** Why a connection to the guest could not be opened, as the user's ssh client shows it behind "open failed". Pure. */
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
  const known = isError(error, "AGENT_REFUSED") ? reasons.get(String(error.details["code"])) : undefined;
  return known ?? toBangerError(error).message;
}
