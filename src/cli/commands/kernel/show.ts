import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: { flags: jsonFlag, positional: one("KERNEL", "name or digest of a kernel") },
  docs: { brief: "one kernel in full" },
});
