import { buildCommand } from "@stricli/core";
import { jsonFlag, several } from "../../parameters.ts";

export const remove = buildCommand({
  loader: async () => (await import("./delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("IMAGE", "names of images") },
  docs: { brief: "delete images that no VM uses" },
});
