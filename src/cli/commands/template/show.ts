import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: { flags: jsonFlag, positional: one("KEY", "a template's key, or its first digits") },
  docs: { brief: "show one template" },
});
