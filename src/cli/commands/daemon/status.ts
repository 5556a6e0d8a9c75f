import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../../parameters.ts";

export const status = buildCommand({
  loader: async () => (await import("./status.run.ts")).status,
  parameters: { flags: jsonFlag },
  docs: { brief: "is it running, and where" },
});
