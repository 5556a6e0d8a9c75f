import { buildCommand } from "@stricli/core";
import { coldFlag, forceAliases, forceFlag, jsonFlag, one } from "../../parameters.ts";

export const restore = buildCommand({
  loader: async () => (await import("./restore.run.ts")).restore,
  parameters: {
    flags: { ...coldFlag, ...forceFlag, ...jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [
        ...one("VM", "name of a VM").parameters,
        ...one("SNAPSHOT", "one of its snapshots: `banger snapshot list VM`").parameters,
      ],
    },
    aliases: forceAliases,
  },
  docs: { brief: "go back to a snapshot; what came after it is given up, so it asks" },
});
