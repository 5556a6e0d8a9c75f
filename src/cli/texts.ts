/** Messages of the command line parser, in the same form as every other failure: two lines, or one JSON object. */
import {
  type ApplicationText,
  ArgumentParseError,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
} from "@stricli/core";
import { BangerError, fail } from "../base/errors/error.ts";
import { type CommandPaths, suggestCommand } from "./suggest.ts";
import { textOf } from "./ui/report.ts";

/** @param words the command line, without the guest's part */
export function textsFor(words: readonly string[], paths: () => CommandPaths): ApplicationText {
  const json = words.includes("--json");
  const told = (error: unknown) => textOf(error, { json }).trimEnd();
  return {
    ...text_en,
    briefs: { ...text_en.briefs, help: "show this help", version: "show the version" },
    exceptionWhileParsingArguments: (error) => told(parsingError(error, pathIn(words, paths()))),
    exceptionWhileLoadingCommandFunction: told,
    exceptionWhileLoadingCommandContext: told,
    exceptionWhileRunningCommand: told,
    commandErrorResult: told,
    noCommandRegisteredForInput: ({ input }) => {
      const meant = suggestCommand(paths(), words.slice(0, words.indexOf(input) + 1));
      const all = "`banger --help` lists every command";
      const next = meant === null ? all : `did you mean \`banger ${meant}\`? ${all}`;
      return told(fail("USAGE", { problem: `there is no command "${input}"`, next }));
    },
  };
}

/** The command at the beginning of `words`: `["vm", "run"]`. */
function pathIn(words: readonly string[], paths: CommandPaths): readonly string[] {
  return paths.find((path) => path.every((word, at) => words[at] === word)) ?? [];
}

function parsingError(error: unknown, path: readonly string[]): BangerError {
  if (error instanceof ArgumentParseError && error.exception instanceof BangerError) return error.exception;
  const message =
    error instanceof ArgumentScannerError ? formatMessageForArgumentScannerError(error, {}) : String(error);
  return fail("USAGE", {
    problem: lowered(message),
    next: `see \`${["banger", ...path, "--help"].join(" ")}\`; a command for the guest goes after --`,
  });
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}
