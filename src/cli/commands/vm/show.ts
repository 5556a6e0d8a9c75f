import { buildCommand } from "@stricli/core";
import { jsonFlag, vmName } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: { flags: jsonFlag, positional: vmName },
  docs: { brief: "one VM in full" },
});
