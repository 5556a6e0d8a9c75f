/** Asks the agent which layers of a cage this host has. */

import { type Cage, parseCage } from "../../model/cage.ts";
import type { Exec } from "./exec.ts";

/** @returns null when the agent can't be asked */
export async function probeCage(exec: Exec, agent: string): Promise<Cage | null> {
  try {
    const { exitCode, stdout } = await exec([agent, "confine", "--check"], { timeoutMs: 10_000 });
    return exitCode === 0 ? parseCage(new TextDecoder().decode(stdout)) : null;
  } catch {
    return null;
  }
}
