import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const suspend = buildCommand({
  loader: async () => (await import("./suspend.run.ts")).suspend,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "save VMs to the disk and end their processes; the next use wakes them" },
});
