import { buildCommand } from "@stricli/core";
import { jsonFlag, several } from "../../parameters.ts";

export const remove = buildCommand({
  loader: async () => (await import("./delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("KERNEL", "names of kernels") },
  docs: { brief: "delete kernels that no VM uses" },
});
