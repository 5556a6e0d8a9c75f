/** What a user is told when the root helper does not do what a VM's network needs. Pure. */
import { type BangerError, fail, toBangerError } from "../base/errors/error.ts";
import { formatIpv4, hostsOf, parseCidr } from "../base/ipv4.ts";
import { oneLine } from "../base/untrusted-text.ts";
import { HelperAway, HelperRefusal } from "./helper-client.ts";

/** NETWORK_FAILED for the helper's errors, and for the system's on the way to it; others stay what they are. */
export function helperError(error: unknown): BangerError {
  if (error instanceof HelperRefusal) return bridgeFailed(error.message, adviceOn(error), error);
  if (!(error instanceof HelperAway) && !isSystems(error)) return toBangerError(error);
  return bridgeFailed(`the root helper can't be asked: ${(error as Error).message}`, restart, error);
}

export function bridgeFailed(reason: string, install: string, cause?: unknown): BangerError {
  return fail("NETWORK_FAILED", { program: "bridge", reason: oneLine(reason), install }, cause);
}

const restart = "run `sudo banger system restart`";

function adviceOn({ kind, free }: HelperRefusal): string {
  if (kind !== "clash") return "`sudo banger system status` and `sudo journalctl -u bangerd-root` say more";
  const choice = free === undefined ? "another network" : `\`bridge = "${hostAddress(free)}"\``;
  return `set ${choice} below [network] in the config, then ${restart}`;
}

/** `10.0.0.0/24` as a bridge's own address: `10.0.0.1/24`. */
function hostAddress(network: string): string {
  const parsed = parseCidr(network);
  return parsed === null ? network : `${formatIpv4(hostsOf(parsed).first)}/${parsed.prefix}`;
}

/** Of the operating system: ENOENT, ECONNREFUSED, … */
function isSystems(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && typeof code === "string" && /^E[A-Z]+$/.test(code);
}
