/** The tree of commands. What a command does is loaded when it is called: the program starts in a few milliseconds. */
import { buildApplication, buildRouteMap } from "@stricli/core";
import { toBangerError } from "../base/errors/error.ts";
import { bench } from "./commands/bench.ts";
import { daemon } from "./commands/daemon.ts";
import { doctor } from "./commands/doctor.ts";
import { image } from "./commands/image.ts";
import { kernel } from "./commands/kernel.ts";
import { snapshot } from "./commands/snapshot.ts";
import { template } from "./commands/template.ts";
import { vm } from "./commands/vm.ts";
import type { CliContext } from "./context.ts";
import type { CommandPaths } from "./suggest.ts";
import { textsFor } from "./texts.ts";

const groups = { vm, snapshot, template, image, kernel, daemon };

/** @param words the command line, without what is the guest's */
export function buildApp(version: string, words: readonly string[]) {
  const root = buildRouteMap({
    routes: { ...groups, doctor, bench },
    docs: {
      brief: "disposable Linux virtual machines with your repository in them",
      fullDescription:
        "disposable Linux virtual machines with your repository in them\n\n" +
        "  banger vm run                           a VM and a shell in it\n" +
        "  banger vm run --rm ./repo -- make test  one command on a repository, then the VM is deleted\n" +
        "  banger doctor                           is this host fine?",
    },
  });
  return buildApplication<CliContext>(root, {
    name: "banger",
    versionInfo: { currentVersion: version },
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: false },
    documentation: { caseStyle: "convert-camel-to-kebab", disableAnsiColor: true },
    localization: { loadText: () => textsFor(words, commandPaths) },
    determineExitCode: (error) => toBangerError(error).exit,
  });
}

function commandPaths(): CommandPaths {
  const grouped = Object.entries(groups).flatMap(([group, routes]) =>
    routes.getAllEntries().flatMap(({ name, aliases }) => [name.original, ...aliases].map((word) => [group, word])),
  );
  return [...grouped, ["doctor"], ["bench"]];
}
