import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag } from "../../parameters.ts";

export const tag = buildCommand({
  loader: async () => (await import("./tag.run.ts")).tag,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: (text: string) => text, placeholder: "IMAGE", brief: "name or digest of an image" },
        { parse: parseImageName, placeholder: "NAME", brief: "one more name for it" },
      ],
    },
  },
  docs: { brief: "give an image one more name" },
});
