import { command } from "../command.ts";
import { jsonFlag, optional, positionals, required, switched } from "../parameters.ts";

export const sshConfig = command({
  loader: async () => (await import("./ssh-config.run.ts")).sshConfig,
  parameters: {
    flags: {
      install: switched("add the line to ~/.ssh/config"),
      uninstall: switched("take it out again"),
      ...jsonFlag,
    },
  },
  docs: {
    brief: "let ssh, scp and git reach VMs as NAME.vm",
    description:
      "write the configuration with which ssh reaches every VM as NAME.vm, and print the line that includes it in ~/.ssh/config",
    examples: [
      ["banger ssh-config --install", "then `ssh sandbox.vm` works from any terminal"],
      ["banger ssh-config --uninstall", "leave ~/.ssh/config as it was"],
    ],
  },
});

export const sshGateway = command({
  loader: async () => (await import("./ssh-gateway.run.ts")).sshGateway,
  parameters: {
    positional: positionals(
      required("VM", "name of a VM, or VM.vm"),
      optional("PUBLIC", "public key that may log in (default: banger's own)"),
    ),
  },
  docs: { brief: "serve ssh to a VM on stdin and stdout; the ProxyCommand of `banger ssh-config`" },
});
