import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../../parameters.ts";

export const list = buildCommand({
  loader: async () => (await import("./list.run.ts")).list,
  parameters: { flags: jsonFlag },
  docs: { brief: "show every template" },
});
