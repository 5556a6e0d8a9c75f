/** Messages of the command line parser, in the same form as every other failure: two lines, or one JSON object. */
import { type ApplicationText, type Command, type RouteMap, text_en } from "@stricli/core";
import { fail } from "../base/errors/error.ts";
import type { CliContext } from "./context.ts";
import { foreignCommand } from "./foreign-words.ts";
import { type CommandHelp, kebab } from "./help.ts";
import { type Called, parsingError } from "./parsing-errors.ts";
import { type CommandPaths, suggestCommand } from "./suggest.ts";
import { textOf } from "./ui/report.ts";

type Group = RouteMap<CliContext>;
type Target = Group | (Command<CliContext> & { help?: CommandHelp });

/** @param words the command line, without the guest's part */
export function textsFor(root: Group, words: readonly string[]): ApplicationText {
  const json = words.includes("--json");
  const told = (error: unknown) => textOf(error, { json }).trimEnd();
  return {
    ...text_en,
    briefs: { ...text_en.briefs, help: "show this help", version: "show the version" },
    exceptionWhileParsingArguments: (error) => told(parsingError(error, called(root, words))),
    exceptionWhileLoadingCommandFunction: told,
    exceptionWhileLoadingCommandContext: told,
    exceptionWhileRunningCommand: told,
    commandErrorResult: told,
    noCommandRegisteredForInput: ({ input }) => told(unknownCommand(root, words.slice(0, words.indexOf(input) + 1))),
  };
}

function unknownCommand(root: Group, words: readonly string[]) {
  const word = words.at(-1) ?? "";
  if (word.startsWith("-")) {
    const line = ["banger", ...words.slice(0, -1)].join(" ");
    return fail("USAGE", { problem: `\`${line}\` has no ${word}`, next: `see \`${line} --help\`` });
  }
  const foreign = words.length === 1 || (words.length === 2 && words[0] === "vm") ? foreignCommand(word) : null;
  const meant = suggestCommand(commandPaths(root), words);
  const all = "`banger --help` lists every command";
  const next = foreign ?? (meant === null ? all : `did you mean \`banger ${meant}\`? ${all}`);
  return fail("USAGE", { problem: `there is no command "${word}"`, next });
}

/** The command at the beginning of the words. */
function called(root: Group, words: readonly string[]): Called {
  let target: Target = root;
  let depth = 0;
  while ("getAllEntries" in target) {
    const child: Target | undefined = target.getRoutingTargetForInput(words[depth] ?? "");
    if (child === undefined) break;
    target = child;
    depth += 1;
  }
  const { flags = {} } = "parameters" in target ? target.parameters : {};
  return {
    line: ["banger", ...words.slice(0, depth)].join(" "),
    flags: Object.entries(flags).flatMap(([name, flag]) => ("hidden" in flag && flag.hidden ? [] : [kebab(name)])),
    takesGuestCommand: "help" in target && target.help?.guestCommand !== undefined,
    rest: words.slice(depth),
  };
}

/** Of every command that the help shows, under each of its names. */
export function commandPaths(group: Group, before: readonly string[] = []): CommandPaths {
  const shown = group.getAllEntries().filter(({ hidden }) => !hidden);
  return shown.flatMap(({ name, aliases, target }) => {
    const words = [name.original as string, ...aliases];
    if (!("getAllEntries" in target)) return words.map((word) => [...before, word]);
    return words.flatMap((word) => commandPaths(target, [...before, word]));
  });
}
