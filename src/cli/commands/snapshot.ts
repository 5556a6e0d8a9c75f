/** `banger snapshot …` */
import { command, group } from "../command.ts";
import { jsonFlag, optional, positionals, required, several } from "../parameters.ts";

const list = command({
  loader: async () => (await import("./snapshot/list.run.ts")).list,
  parameters: { flags: jsonFlag, positional: positionals(optional("VM", "only the snapshots of this VM")) },
  docs: { brief: "list snapshots" },
});

const show = command({
  loader: async () => (await import("./snapshot/show.run.ts")).show,
  parameters: {
    flags: jsonFlag,
    positional: positionals(required("VM", "name of a VM"), required("SNAPSHOT", "name of its snapshot")),
  },
  docs: { brief: "show a snapshot in detail" },
});

const remove = command({
  loader: async () => (await import("./snapshot/delete.run.ts")).remove,
  parameters: { flags: jsonFlag, positional: several("NAME", "name of a VM, then names of its snapshots") },
  docs: {
    brief: "delete snapshots of a VM",
    arguments: [
      ["VM", "name of a VM"],
      ["SNAPSHOT...", "names of its snapshots"],
    ],
  },
});

export const snapshot = group(
  { brief: "list and delete snapshots of VMs" },
  { list, show, delete: remove },
  { ls: "list", rm: "delete", inspect: "show" },
);
