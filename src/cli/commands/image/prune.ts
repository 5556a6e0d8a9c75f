import { buildCommand } from "@stricli/core";
import { jsonFlag, toggled } from "../../parameters.ts";

export const prune = buildCommand({
  loader: async () => (await import("./prune.run.ts")).prune,
  parameters: {
    flags: {
      all: toggled("also images that no VM uses, and templates"),
      dryRun: toggled("only show what would go"),
      ...jsonFlag,
    },
  },
  docs: { brief: "remove what interrupted downloads left, and with --all images that no VM uses and templates" },
});
