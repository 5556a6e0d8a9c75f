import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const resume = buildCommand({
  loader: async () => (await import("./resume.run.ts")).resume,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "let paused VMs go on" },
});
