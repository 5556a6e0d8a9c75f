import { buildCommand } from "@stricli/core";
import { coldFlag, jsonFlag, vmNames, waitFlag } from "../../parameters.ts";

export const start = buildCommand({
  loader: async () => (await import("./start.run.ts")).start,
  parameters: { flags: { ...waitFlag, ...coldFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "start VMs" },
});
