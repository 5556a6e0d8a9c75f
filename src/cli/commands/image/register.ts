import { buildCommand } from "@stricli/core";
import { parseImageName } from "../../../base/names.ts";
import { jsonFlag, worded } from "../../parameters.ts";

export const register = buildCommand({
  loader: async () => (await import("./register.run.ts")).register,
  parameters: {
    flags: {
      rootfs: {
        kind: "parsed",
        parse: (text: string) => text,
        brief: "root file system: a tar (.gz, .zst, .xz), a folder, a squashfs, an ext4; - for a tar on stdin",
        placeholder: "PATH",
      },
      kernel: worded("kernel that VMs of this image boot (default: debian-bookworm-cloud)", "KERNEL"),
      ...jsonFlag,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: parseImageName, placeholder: "NAME", brief: "what the image is called" }],
    },
  },
  docs: { brief: "make an image of a root file system" },
});
