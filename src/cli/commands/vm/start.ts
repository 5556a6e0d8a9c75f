import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames, waitFlag } from "../../parameters.ts";

export const start = buildCommand({
  loader: async () => (await import("./start.run.ts")).start,
  parameters: { flags: { ...waitFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "start VMs" },
});
