import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag, worded } from "../../parameters.ts";

export const importKernel = buildCommand({
  loader: async () => (await import("./import.run.ts")).importKernel,
  parameters: {
    flags: {
      image: { kind: "parsed", parse: (text: string) => text, brief: "bzImage or vmlinux", placeholder: "FILE" },
      modules: worded("folder lib/modules/RELEASE (default: everything is built in)", "DIR"),
      config: worded("the build's .config, when the kernel does not hold it itself", "FILE"),
      ...jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: parseImageName, placeholder: "NAME", brief: "what the kernel is called" }],
    },
  },
  docs: { brief: "take a kernel of your own" },
});
