import { buildCommand } from "@stricli/core";
import { jsonFlag, one, toggled } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: {
    flags: { verify: toggled("read all of its files, and fail when they are damaged"), ...jsonFlag },
    positional: one("IMAGE", "name or digest of an image"),
  },
  docs: { brief: "one image in full" },
});
