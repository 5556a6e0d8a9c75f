/** What the command line parser says, in this program's voice: the same two lines, or the same object, as every failure. */
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

/** @param words the command line, without what is the guest's */
export function textsFor(words: readonly string[], paths: () => CommandPaths): ApplicationText {
  const json = words.includes("--json");
  const told = (error: unknown) => textOf(error, { json }).trimEnd();
  return {
    ...text_en,
    exceptionWhileParsingArguments: (error) => told(parsingError(error)),
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

function parsingError(error: unknown): BangerError {
  if (error instanceof ArgumentParseError && error.exception instanceof BangerError) return error.exception;
  const message =
    error instanceof ArgumentScannerError ? formatMessageForArgumentScannerError(error, {}) : String(error);
  return fail("USAGE", {
    problem: lowered(message),
    next: "--help behind the command lists its flags; a command for the guest goes behind --",
  });
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}
