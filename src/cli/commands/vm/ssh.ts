import { buildCommand } from "@stricli/core";
import { sessionAliases, sessionFlags, vmName } from "../../parameters.ts";

export const ssh = buildCommand({
  loader: async () => (await import("./ssh.run.ts")).ssh,
  parameters: { flags: sessionFlags, positional: vmName, aliases: sessionAliases },
  docs: { brief: "a shell in a VM", customUsage: ["[flags] NAME", "[flags] NAME -- COMMAND [ARG]..."] },
});
