import { buildCommand } from "@stricli/core";
import { jsonFlag, several } from "../../parameters.ts";

export const remove = buildCommand({
  loader: async () => (await import("./delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("VM SNAPSHOT", "name of a VM, then names of its snapshots") },
  docs: { brief: "delete snapshots of a VM", customUsage: ["[--json] VM SNAPSHOT..."] },
});
