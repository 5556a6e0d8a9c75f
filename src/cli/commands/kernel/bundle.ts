import { buildCommand } from "@stricli/core";
import { bundleFlags, bundlePlace } from "../../parameters.ts";

export const bundle = buildCommand({
  loader: async () => (await import("./bundle.run.ts")).bundle,
  parameters: { flags: bundleFlags, positional: bundlePlace("KERNEL", "name or digest of a kernel") },
  docs: { brief: "make a bundle to publish, and print its catalog entry" },
});
