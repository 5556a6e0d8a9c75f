import { buildCommand } from "@stricli/core";
import { parseVmName } from "../../../base/names.ts";
import { parseCount } from "../../flags.ts";
import { jsonFlag, one, valued } from "../../parameters.ts";

export const fork = buildCommand({
  loader: async () => (await import("./fork.run.ts")).fork,
  parameters: {
    flags: { count: valued("how many children (default: one, or as many as are named)", "N", parseCount), ...jsonFlag },
    positional: {
      kind: "array",
      minimum: 1,
      parameter: { ...one("VM NEW", "name of a VM, then names of children").parameters[0], parse: parseVmName },
    },
  },
  docs: {
    brief: "children that go on from where a VM is, with its processes and files",
    customUsage: ["[--count N] VM [NEW]..."],
  },
});
