/** `banger system …` */
import { command, group } from "../command.ts";
import { jsonFlag, switched, text } from "../parameters.ts";

const install = command({
  loader: async () => (await import("./system/install.run.ts")).install,
  parameters: {
    flags: {
      owner: text("user whose VMs the service runs (default: who ran sudo)", "USER"),
      dryRun: switched("print the steps and units, and change nothing"),
      ...jsonFlag,
    },
  },
  docs: {
    brief: "install or upgrade the service; needs root",
    description:
      "install banger as a service of one user, in two systemd units that start at boot; over an older version it is an upgrade, and VMs keep running; if a step fails, all are undone",
    examples: [
      ['sudo banger system install --owner "$USER"', "for yourself"],
      ['banger system install --owner "$USER" --dry-run', "only show what it would do"],
    ],
  },
});

const status = command({
  loader: async () => (await import("./system/status.run.ts")).status,
  parameters: { flags: jsonFlag },
  docs: {
    brief: "show the service: units, versions, programs, sockets",
    description: "show the service: units, versions, programs, sockets; exits with 1 when something is wrong",
  },
});

const restart = command({
  loader: async () => (await import("./system/restart.run.ts")).restart,
  parameters: { flags: jsonFlag },
  docs: { brief: "restart the service; VMs keep running; needs root" },
});

const uninstall = command({
  loader: async () => (await import("./system/uninstall.run.ts")).uninstall,
  parameters: {
    flags: {
      purge: switched("also delete its VMs, images and kernels"),
      yes: switched("do not ask for confirmation"),
      ...jsonFlag,
    },
    aliases: { y: "yes" },
  },
  docs: {
    brief: "stop the VMs and remove the service; needs root",
    description:
      "stop the service's VMs, and remove its units, programs and network; its VMs and images stay in /var/lib/banger and /var/cache/banger for a later install, unless --purge deletes them",
  },
});

const adopt = command({
  loader: async () => (await import("./system/adopt.run.ts")).adopt,
  parameters: { flags: jsonFlag },
  docs: {
    brief: "copy images and kernels of your own daemon to the service",
    description:
      "copy the images and kernels that your own daemon made before the install to the service; VMs are not copied, but docs/install.md shows how to make images of them",
  },
});

export const system = group(
  {
    brief: "manage banger as a service of this host, with a bridge and names for VMs",
    examples: [['sudo banger system install --owner "$USER"', "install it for yourself"]],
  },
  { install, status, restart, uninstall, adopt },
);
