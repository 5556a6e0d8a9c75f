import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag, one, valued } from "../../parameters.ts";

export const importArchive = buildCommand({
  loader: async () => (await import("./import.run.ts")).importArchive,
  parameters: {
    flags: { name: valued("what the image is called here", "NAME", parseImageName), ...jsonFlag },
    positional: one("FILE", "what `docker save` wrote, or an OCI layout (tar or folder); - for stdin"),
  },
  docs: { brief: "import images from an archive" },
});
