import { buildCommand } from "@stricli/core";
import { jsonFlag, vmNames } from "../../parameters.ts";

export const remove = buildCommand({
  loader: async () => (await import("./delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "delete VMs with their disks, running or not" },
});
