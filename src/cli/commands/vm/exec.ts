import { buildCommand } from "@stricli/core";
import { sessionAliases, sessionFlags, vmName } from "../../parameters.ts";

export const exec = buildCommand({
  loader: async () => (await import("./exec.run.ts")).exec,
  parameters: { flags: sessionFlags, positional: vmName, aliases: sessionAliases },
  docs: { brief: "run a command in a VM", customUsage: ["[flags] NAME -- COMMAND [ARG]..."] },
});
