import { buildCommand } from "@stricli/core";
import { jsonFlag, oneIfAny } from "../../parameters.ts";

export const catalog = buildCommand({
  loader: async () => (await import("./catalog.run.ts")).catalog,
  parameters: { flags: jsonFlag, positional: oneIfAny("WORD", "only what has that word in its name or description") },
  docs: { brief: "what can be pulled by a short name" },
});
