/** Has systemd-resolved ask the bridge for `.vm`: resolvectl(1). */
import type { Exec } from "../host/process/exec.ts";
import { type BridgeSpec, bridgeName } from "../model/bridge.ts";
import type { HelperStatus } from "../wire/helper/verbs.ts";
import { HelperError } from "./helper-error.ts";
import { isRouted, resolverPlan, resolverRemoval } from "./resolver.ts";
import { attempt, run, succeeds } from "./tools.ts";

export type Routing = HelperStatus["resolver"];

export const notRouted: Routing = { routed: false, why: "it was not asked for" };

/** A host without systemd-resolved is no failure: its owner routes `.vm` in another way (docs/dns-routing.md). */
export async function routeResolver(exec: Exec, bridge: BridgeSpec): Promise<Routing> {
  try {
    for (const argv of resolverPlan(bridge)) await run(exec, argv);
    return { routed: true };
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    return { routed: false, why: error.message };
  }
}

export async function isResolverRouted(exec: Exec, bridge: BridgeSpec): Promise<boolean> {
  const ask = (what: string) => attempt(exec, ["resolvectl", what, bridgeName]).catch(() => null);
  const [dns, domain] = await Promise.all([ask("dns"), ask("domain")]);
  return dns?.exitCode === 0 && domain?.exitCode === 0 && isRouted(bridge, dns.output, domain.output);
}

/** Does nothing where there is no bridge or no resolved. */
export async function unrouteResolver(exec: Exec): Promise<void> {
  await succeeds(exec, resolverRemoval);
}
