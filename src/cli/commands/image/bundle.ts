import { buildCommand } from "@stricli/core";
import { bundleFlags, bundlePlace } from "../../parameters.ts";

export const bundle = buildCommand({
  loader: async () => (await import("./bundle.run.ts")).bundle,
  parameters: { flags: bundleFlags, positional: bundlePlace("IMAGE", "name or digest of an image") },
  docs: { brief: "make a bundle to publish, and print its catalog entry" },
});
