import { buildCommand } from "@stricli/core";
import { jsonFlag, toggled } from "../../parameters.ts";

export const stop = buildCommand({
  loader: async () => (await import("./stop.run.ts")).stop,
  parameters: {
    flags: {
      force: toggled("stop now; ends builds and whatever else can't continue through the next daemon"),
      whenIdle: toggled("wait until no session or build is under way, then stop"),
      ...jsonFlag,
    },
  },
  docs: { brief: "stop it; VMs keep running" },
});
