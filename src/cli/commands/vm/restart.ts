import { buildCommand } from "@stricli/core";
import { graceFlag, jsonFlag, vmNames, waitFlag } from "../../parameters.ts";

export const restart = buildCommand({
  loader: async () => (await import("./restart.run.ts")).restart,
  parameters: { flags: { ...graceFlag, ...waitFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "stop VMs and start them again" },
});
