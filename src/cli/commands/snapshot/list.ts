import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../../parameters.ts";

export const list = buildCommand({
  loader: async () => (await import("./list.run.ts")).list,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: (text: string) => text, placeholder: "VM", brief: "only those of this VM", optional: true },
      ],
    },
  },
  docs: { brief: "show every snapshot" },
});
