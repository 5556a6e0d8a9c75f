import { command } from "../command.ts";
import { parseRuns } from "../flags.ts";
import { createFlags, jsonFlag, valued } from "../parameters.ts";

const { image, kernel, vcpu, memory, disk, network, vmm } = createFlags;

export const bench = command({
  loader: async () => (await import("./bench.run.ts")).bench,
  parameters: {
    flags: {
      runs: valued("how often each command is timed (default: 5)", "N", parseRuns),
      ...{ image, kernel, vcpu, memory, disk, network, vmm },
      ...jsonFlag,
    },
  },
  docs: { brief: "measure how fast banger is on this host, phase by phase" },
});
