import { buildCommand } from "@stricli/core";
import { jsonFlag, loginFlags, one, toggled } from "../../parameters.ts";

export const pull = buildCommand({
  loader: async () => (await import("./pull.run.ts")).pull,
  parameters: {
    flags: { ...loginFlags, insecure: toggled("plain http is all right"), ...jsonFlag },
    positional: one("IMAGE", "a catalog's name, or a registry's, as in docker.io/library/python:3.13"),
  },
  docs: { brief: "get an image from a registry or a catalog" },
});
