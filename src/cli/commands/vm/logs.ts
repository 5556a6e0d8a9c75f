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
  docs: { brief: "a VM's console or VMM log" },
});
