import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag, one, valued, worded } from "../../parameters.ts";

export const importArchive = buildCommand({
  loader: async () => (await import("./import.run.ts")).importArchive,
  parameters: {
    flags: {
      image: worded("which of its images: a name, a tag, or a digest's first digits", "NAME|DIGEST"),
      name: valued("what the image is called here", "NAME", parseImageName),
      ...jsonFlag,
    },
    positional: one(
      "FILE",
      "what `docker save` wrote, or an OCI layout (tar or folder), :TAG for one of its images; - for stdin",
    ),
  },
  docs: { brief: "import images from an archive" },
});
