import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const rename = buildCommand({
  loader: async () => (await import("./rename.run.ts")).rename,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [...one("NAME", "name of a VM").parameters, ...one("NEW", "its new name").parameters],
    },
  },
  docs: { brief: "give a VM another name" },
});
