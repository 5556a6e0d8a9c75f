import { buildCommand } from "@stricli/core";
import { createFlags } from "../../parameters.ts";

export const create = buildCommand({
  loader: async () => (await import("./create.run.ts")).create,
  parameters: { flags: createFlags, aliases: { e: "env" } },
  docs: { brief: "make a VM without starting it" },
});
