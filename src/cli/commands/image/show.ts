import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: { flags: jsonFlag, positional: one("IMAGE", "name or digest of an image") },
  docs: { brief: "one image in full" },
});
