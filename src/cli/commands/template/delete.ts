import { buildCommand } from "@stricli/core";
import { jsonFlag, several } from "../../parameters.ts";

export const remove = buildCommand({
  loader: async () => (await import("./delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("KEY", "keys of templates, or their first digits") },
  docs: { brief: "delete templates; VMs that began from them go on" },
});
