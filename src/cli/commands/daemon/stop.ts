import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../../parameters.ts";

export const stop = buildCommand({
  loader: async () => (await import("./stop.run.ts")).stop,
  parameters: { flags: jsonFlag },
  docs: { brief: "stop it; VMs go on" },
});
