import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const kill = buildCommand({
  loader: async () => (await import("./kill.run.ts")).kill,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "cut power at once" },
});
