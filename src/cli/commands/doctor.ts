import { command } from "../command.ts";
import { jsonFlag } from "../parameters.ts";

export const doctor = command({
  loader: async () => (await import("./doctor.run.ts")).doctor,
  parameters: { flags: jsonFlag },
  docs: {
    brief: "check this host and show how to fix problems",
    description: "check this host and show how to fix problems; exits with 1 on warnings and 2 on failures",
  },
});
