import { buildCommand } from "@stricli/core";
import { jsonFlag } from "../parameters.ts";

export const doctor = buildCommand({
  loader: async () => (await import("./doctor.run.ts")).doctor,
  parameters: { flags: jsonFlag },
  docs: { brief: "check this host: what works, what is missing, what to type" },
});
