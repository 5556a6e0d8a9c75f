import { buildCommand } from "@stricli/core";
import { jsonFlag, one } from "../../parameters.ts";

export const pull = buildCommand({
  loader: async () => (await import("./pull.run.ts")).pull,
  parameters: { flags: jsonFlag, positional: one("KERNEL", "debian-SUITE-cloud, as in debian-bookworm-cloud") },
  docs: { brief: "fetch a distribution's kernel for virtual machines" },
});
