/** Cages for tests: none, or the real one where the agent is built. */

import { which } from "../facts.ts";
import { createExec } from "../process/exec-node.ts";
import { createToolCage, type ToolCage } from "../process/tool-cage.ts";
import { agentBinary } from "./gate.ts";

export const uncaged: ToolCage = { around: async () => [], missing: async () => null };

/** As in the programs. */
export function realCage(): ToolCage {
  const agent = agentBinary();
  if (agent === null) return uncaged;
  const exec = createExec(process.env as Record<string, string>);
  return createToolCage({ exec, which, agent, confinement: async () => "auto" });
}
