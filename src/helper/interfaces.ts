/** Makes the host's interfaces as wanted, and removes them. */
import type { Exec } from "../host/process/exec.ts";
import { tapName } from "../model/bridge.ts";
import { HelperError } from "./helper-error.ts";
import { bridgePlan, carrierKinds, carrierName, carrierPlan, removalPlan, tapPlan } from "./link-plan.ts";
import { type Link, readLinks } from "./links.ts";
import { attempt, run } from "./tools.ts";
import type { Wanted, WantedTap } from "./wanted.ts";

export async function listLinks(exec: Exec): Promise<Link[]> {
  return readLinks(await run(exec, ["ip", "-json", "-details", "address", "show"]));
}

/** The bridge, its carrier and every TAP interface. @returns whether something had to be changed */
export async function ensureLinks(exec: Exec, { bridge, taps }: Wanted, owner: number): Promise<boolean> {
  if (!bridge) return false;
  const links = await listLinks(exec);
  const forBridge = bridgePlan(links, bridge);
  await batch(exec, forBridge);
  const isMade = await ensureCarrier(exec, links);
  const rest = [...carrierPlan(links), ...taps.flatMap((tap) => tapPlan(links, tap, owner))];
  await batch(exec, rest);
  return isMade || forBridge.length + rest.length > 0;
}

/** One VM's TAP interface; the bridge is there. @param links the host's */
export async function ensureTap(exec: Exec, links: readonly Link[], tap: WantedTap, owner: number): Promise<void> {
  await batch(exec, tapPlan(links, tap, owner));
}

/** Does nothing where there is none. @param links the host's */
export async function removeTap(exec: Exec, links: readonly Link[], vm: WantedTap["vm"]): Promise<void> {
  const isThere = links.some(({ name, kind }) => name === tapName(vm) && kind === "tun");
  if (isThere) await batch(exec, [`link del dev ${tapName(vm)}`]);
}

/** Everything of ours. */
export async function removeLinks(exec: Exec): Promise<void> {
  await batch(exec, removalPlan(await listLinks(exec)));
}

/** @returns whether it had to be made */
async function ensureCarrier(exec: Exec, links: readonly Link[]): Promise<boolean> {
  if (links.some(({ name }) => name === carrierName)) return false;
  let said = "";
  for (const kind of carrierKinds) {
    const made = await attempt(exec, ["ip", "link", "add", "name", carrierName, "type", kind]);
    if (made.exitCode === 0) return true;
    said = made.said;
  }
  throw new HelperError("failed", `${carrierName} can't be made: ${said}`);
}

async function batch(exec: Exec, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run(exec, ["ip", "-batch", "-"], `${lines.join("\n")}\n`);
}
