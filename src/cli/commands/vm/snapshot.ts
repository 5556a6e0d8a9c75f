import { buildCommand } from "@stricli/core";
import { parseSnapshotName } from "../../../base/names.ts";
import { jsonFlag, one } from "../../parameters.ts";

export const snapshot = buildCommand({
  loader: async () => (await import("./snapshot.run.ts")).snapshot,
  parameters: {
    flags: jsonFlag,
    positional: {
      kind: "tuple",
      parameters: [
        ...one("VM", "name of a VM").parameters,
        {
          parse: parseSnapshotName,
          placeholder: "NAME",
          brief: "name of the snapshot (default: s1, s2, ...)",
          optional: true,
        },
      ],
    },
  },
  docs: { brief: "keep a VM as it is now: memory, processes and disk" },
});
