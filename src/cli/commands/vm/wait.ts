import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const wait = buildCommand({
  loader: async () => (await import("./wait.run.ts")).wait,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "wait until VMs have stopped" },
});
