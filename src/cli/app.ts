/** The tree of commands. The code of a command is loaded when it is called, so that the program starts in a few milliseconds. */
import { buildApplication } from "@stricli/core";
import { toBangerError } from "../base/errors/error.ts";
import { group } from "./command.ts";
import { bench } from "./commands/bench.ts";
import { completion } from "./commands/completion.ts";
import { daemon } from "./commands/daemon.ts";
import { doctor } from "./commands/doctor.ts";
import { image } from "./commands/image.ts";
import { kernel } from "./commands/kernel.ts";
import { snapshot } from "./commands/snapshot.ts";
import { sshConfig, sshGateway } from "./commands/ssh-config.ts";
import { system } from "./commands/system.ts";
import { template } from "./commands/template.ts";
import { vm } from "./commands/vm.ts";
import type { CliContext } from "./context.ts";
import { shortRoutes, shortWays } from "./short-ways.ts";
import { textsFor } from "./texts.ts";

const groups = { vm, snapshot, template, image, kernel, daemon, system };
const short = shortRoutes(groups);

/** All commands. */
export const root = group(
  {
    brief: "disposable Linux virtual machines with your repository in them",
    hidden: { "ssh-gateway": true, ...Object.fromEntries(Object.keys(short).map((name) => [name, true])) },
    shortFor: ["vm", shortWays],
    examples: [
      ["banger vm run", "a shell in a new VM"],
      ["banger vm run --rm ./repo -- make test", "one command in a repository, then delete the VM"],
      ["banger doctor", "check that this host is ready"],
    ],
  },
  { ...groups, "ssh-config": sshConfig, completion, doctor, bench, "ssh-gateway": sshGateway, ...short },
);

/** @param words the command line, without the guest's part */
export function buildApp(version: string, words: readonly string[]) {
  return buildApplication<CliContext>(root, {
    name: "banger",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: false },
    documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
    localization: { loadText: () => textsFor(root, words) },
    determineExitCode: (error) => toBangerError(error).exit,
  });
}
