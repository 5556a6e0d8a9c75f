/** The help pages of all commands, for docs/cli.md and the man pages. */
import type { Command, RouteMap } from "@stricli/core";
import type { CliContext } from "./context.ts";
import type { HelpArguments, Page } from "./help.ts";

/** `words` with the program's: `["banger", "vm", "run"]` */
export type CommandPage = { words: readonly string[]; page: Page };

type Target = (Command<CliContext> | RouteMap<CliContext>) & { page?: (args: HelpArguments) => Page };
type Flags = HelpArguments["additionalFlags"];

const helpFlag: Flags = [{ name: "help", aliases: ["h"], brief: "show this help" }];
const rootFlags: Flags = [...helpFlag, { name: "version", aliases: ["v"], brief: "show the version" }];

/** Of the program, and of each group and command that the help shows, a group before what is in it. */
export function commandPages(
  target: Target,
  config: HelpArguments["config"],
  text: HelpArguments["text"],
  words: readonly string[] = ["banger"],
  aliases: readonly string[] = [],
): CommandPage[] {
  const additionalFlags = words.length === 1 ? rootFlags : helpFlag;
  const page = target.page?.({
    ...{ prefix: words, aliases, config, text, additionalFlags, ansiColor: false },
    ...{ includeArgumentEscapeSequenceFlag: false, includeHidden: false },
  });
  const here = page === undefined ? [] : [{ words, page }];
  if (!("getAllEntries" in target)) return here;
  const shown = target.getAllEntries().filter(({ hidden }) => !hidden);
  const below = shown.flatMap(({ name, aliases, target }) =>
    commandPages(target, config, text, [...words, name["convert-camel-to-kebab"]], aliases),
  );
  return [...here, ...below];
}
