import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../../parameters.ts";

const text = (value: string) => value;

export const exportImage = buildCommand({
  loader: async () => (await import("./export.run.ts")).exportImage,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        { parse: text, placeholder: "IMAGE", brief: "name or digest of an image" },
        { parse: text, placeholder: "FILE", brief: "where to; - for stdout" },
      ],
    },
  },
  docs: { brief: "write an image to a file that docker, podman and skopeo read" },
});
