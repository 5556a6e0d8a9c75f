import { buildCommand } from "@stricli/core";
import { toggled, vmName } from "../../parameters.ts";

export const logs = buildCommand({
  loader: async () => (await import("./logs.run.ts")).logs,
  parameters: {
    flags: {
      follow: toggled("go on as it grows"),
      console: toggled("the guest's serial console (default)"),
      vmm: toggled("what the VMM said"),
    },
    positional: vmName,
    aliases: { f: "follow" },
  },
  docs: {
    brief: "a VM's console or VMM log",
    fullDescription:
      "On a terminal nothing of it can command the terminal. Into a pipe or a file its own bytes go: show those to a terminal through a pager such as less.",
  },
});
