/** `banger daemon …` */
import { command, group } from "../command.ts";
import { jsonFlag, switched } from "../parameters.ts";

const status = command({
  loader: async () => (await import("./daemon/status.run.ts")).status,
  parameters: { flags: jsonFlag },
  docs: { brief: "show whether the daemon is running, and where" },
});

const stop = command({
  loader: async () => (await import("./daemon/stop.run.ts")).stop,
  parameters: {
    flags: {
      force: switched("stop at once; ends builds and other work that can't continue in the next daemon"),
      whenIdle: switched("wait until no session or build is in progress, then stop"),
      ...jsonFlag,
    },
  },
  docs: { brief: "stop the daemon; VMs keep running" },
});

export const daemon = group({ brief: "manage the background process that runs your VMs" }, { status, stop });
