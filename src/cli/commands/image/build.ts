import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const build = buildCommand({
  loader: async () => (await import("./build.run.ts")).build,
  parameters: { flags: jsonFlag, positional: one("RECIPE", "debian-bookworm") },
  docs: { brief: "build an image on this host" },
});
