/** What the command line parser says, in this program's voice. */
import {
  type ApplicationText,
  ArgumentParseError,
  ArgumentScannerError,
  formatMessageForArgumentScannerError,
  text_en,
} from "@stricli/core";
import { BangerError, toBangerError } from "../base/errors/error.ts";

function told(message: string, hint: string): string {
  return `error: ${message}\nhint: ${hint}`;
}

function lowered(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, "");
}

function parsing(error: unknown): string {
  if (error instanceof ArgumentParseError && error.exception instanceof BangerError) {
    return told(error.exception.message, error.exception.hint);
  }
  const message =
    error instanceof ArgumentScannerError ? formatMessageForArgumentScannerError(error, {}) : String(error);
  return told(lowered(message), "--help behind the command lists its flags; a command for the guest goes behind --");
}

function failing(error: unknown): string {
  const known = toBangerError(error);
  return told(known.message, known.hint);
}

export const texts: ApplicationText = {
  ...text_en,
  exceptionWhileParsingArguments: parsing,
  exceptionWhileLoadingCommandFunction: failing,
  exceptionWhileLoadingCommandContext: failing,
  exceptionWhileRunningCommand: failing,
  commandErrorResult: failing,
  noCommandRegisteredForInput: ({ input, corrections }) => {
    const near = corrections[0];
    return told(
      `there is no command "${input}"`,
      near ? `did you mean ${near}? \`banger --help\` lists every command` : "`banger --help` lists every command",
    );
  },
};
