import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [...one("VM", "name of a VM").parameters, ...one("SNAPSHOT", "name of its snapshot").parameters],
    },
  },
  docs: { brief: "show one snapshot" },
});
