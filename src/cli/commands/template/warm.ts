import { buildCommand } from "@stricli/core";
import { createFlags, jsonFlag } from "../../parameters.ts";

const { kernel, vcpu, memory, disk, network } = createFlags;

export const warm = buildCommand({
  loader: async () => (await import("./warm.run.ts")).warm,
  parameters: {
    flags: { kernel, vcpu, memory, disk, network, ...jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: (text: string) => text,
          placeholder: "IMAGE",
          brief: "image (default: debian-bookworm)",
          optional: true,
        },
      ],
    },
  },
  docs: { brief: "make the template that VMs of this kind begin from, before one is asked for" },
});
