import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const pause = buildCommand({
  loader: async () => (await import("./pause.run.ts")).pause,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "let VMs stand still, in memory" },
});
