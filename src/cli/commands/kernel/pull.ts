import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const pull = buildCommand({
  loader: async () => (await import("./pull.run.ts")).pull,
  parameters: {
    flags: jsonFlag,
    positional: one("KERNEL", "a catalog's name, or debian-SUITE-cloud, as in debian-bookworm-cloud"),
  },
  docs: { brief: "get a kernel from a catalog or the distribution" },
});
