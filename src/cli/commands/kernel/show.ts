import { buildCommand } from "@stricli/core";
import { jsonFlag, one, toggled } from "../../parameters.ts";

export const show = buildCommand({
  loader: async () => (await import("./show.run.ts")).show,
  parameters: {
    flags: { verify: toggled("read all of its files, and fail when they are damaged"), ...jsonFlag },
    positional: one("KERNEL", "name or digest of a kernel"),
  },
  docs: { brief: "one kernel in full" },
});
