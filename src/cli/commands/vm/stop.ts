import { buildCommand } from "@stricli/core";
import { graceFlag, jsonFlag, vmNames } from "../../parameters.ts";

export const stop = buildCommand({
  loader: async () => (await import("./stop.run.ts")).stop,
  parameters: { flags: { ...graceFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "ask guests to power off; cut power after the grace period" },
});
