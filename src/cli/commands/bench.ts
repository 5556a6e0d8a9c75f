import { buildCommand } from "@stricli/core";
import { parseRuns } from "../flags.ts";
import { createFlags, jsonFlag, valued } from "../parameters.ts";

const { image, kernel, vcpu, memory, disk, network } = createFlags;

export const bench = buildCommand({
  loader: async () => (await import("./bench.run.ts")).bench,
  parameters: {
    flags: {
      runs: valued("how often each thing is done (default 5)", "N", parseRuns),
      ...{ image, kernel, vcpu, memory, disk, network },
      ...jsonFlag,
    },
  },
  docs: { brief: "how fast is banger on this host, and where does the time go" },
});
