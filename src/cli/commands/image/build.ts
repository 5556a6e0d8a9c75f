import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const build = buildCommand({
  loader: async () => (await import("./build.run.ts")).build,
  parameters: {
    flags: jsonFlag,
    positional: one("RECIPE|FILE.toml", "debian-bookworm, or a file that says what the image is made of"),
  },
  docs: { brief: "build an image: of Debian on this host, or as a file says" },
});
