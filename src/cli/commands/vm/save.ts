import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag, one } from "../../parameters.ts";

export const save = buildCommand({
  loader: async () => (await import("./save.run.ts")).save,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        ...one("VM", "name of a stopped VM").parameters,
        { parse: parseImageName, placeholder: "NAME", brief: "name of the new image" },
      ],
    },
  },
  docs: { brief: "make an image of a stopped VM" },
});
