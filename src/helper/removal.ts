/** `remove-network`: takes away all that the helper made. The helper itself must have ended. */
import type { Logger } from "../host/log.ts";
import type { Exec } from "../host/process/exec.ts";
import { leaveFirewalls } from "./foreign.ts";
import { removeLinks } from "./interfaces.ts";
import { unrouteResolver } from "./resolved.ts";
import { removeTables } from "./tables.ts";

/**
 * Each step is tried, so that one that fails does not keep the others. `ip_forward` stays as it is: others may rely on it by now.
 * @throws the first failure, after all steps
 */
export async function removeNetwork(exec: Exec, log: Logger): Promise<void> {
  const steps = {
    resolver: () => unrouteResolver(exec),
    firewalls: () => leaveFirewalls(exec),
    interfaces: () => removeLinks(exec),
    tables: () => removeTables(exec),
  };
  const failures: unknown[] = [];
  for (const [step, take] of Object.entries(steps)) {
    try {
      await take();
    } catch (error) {
      log.error("a step of the removal failed", { step, why: String(error) });
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
