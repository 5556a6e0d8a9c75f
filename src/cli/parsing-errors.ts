/** What the parser of command lines refuses, in our words. */
import {
  AliasNotFoundError,
  ArgumentParseError,
  EnumValidationError,
  FlagNotFoundError,
  InvalidNegatedFlagSyntaxError,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from "@stricli/core";
import { BangerError, fail } from "../base/errors/error.ts";
import { quoteArg } from "../base/text.ts";
import { foreignFlag } from "./foreign-words.ts";
import { near } from "./suggest.ts";

/** The command that was called. */
export type Called = {
  /** with `banger`: `banger vm run` */
  line: string;
  /** flags as they are typed, without dashes: `idle-timeout` */
  flags: readonly string[];
  takesGuestCommand: boolean;
  /** what was typed behind the command */
  rest: readonly string[];
};

export function parsingError(error: unknown, called: Called): BangerError {
  if (error instanceof ArgumentParseError && error.exception instanceof BangerError) return error.exception;
  const { problem, next } = explained(error, called);
  const page = `see \`${called.line} --help\``;
  return fail("USAGE", { problem, next: next === null ? page : `${next}; ${page}` });
}

type Said = { problem: string; next: string | null };

function explained(error: unknown, called: Called): Said {
  if (error instanceof AliasNotFoundError) return unknownFlag(`-${error.input}`, error.input, called);
  if (error instanceof FlagNotFoundError) return unknownFlag(`--${error.input}`, error.input, called);
  if (error instanceof UnexpectedPositionalError) return tooMany(error.input, called);
  if (error instanceof UnsatisfiedPositionalError) return said(`${error.placeholder} is missing`);
  if (error instanceof UnsatisfiedFlagError) return said(`--${error.externalFlagName} needs a value`);
  if (error instanceof UnexpectedFlagError) return said(`--${error.externalFlagName} can be given only once`);
  if (error instanceof InvalidNegatedFlagSyntaxError) return said(`--${error.externalFlagName} takes no value`);
  if (error instanceof EnumValidationError)
    return said(`--${error.externalFlagName}: "${error.input}" is not one of ${error.values.join(", ")}`);
  if (error instanceof ArgumentParseError)
    return said(`--${error.externalFlagNameOrPlaceholder}: "${error.input}" is not true or false`);
  return said(String(error));
}

function said(problem: string): Said {
  return { problem, next: null };
}

function unknownFlag(typed: string, word: string, called: Called): Said {
  const problem = `\`${called.line}\` has no ${typed}`;
  const foreign = foreignFlag(word, (name) => called.flags.includes(name));
  if (foreign !== null) return { problem, next: foreign };
  const meant = word.length > 1 ? near(word, called.flags) : undefined;
  return { problem, next: meant === undefined ? null : `did you mean --${meant}?` };
}

/** As in docker, people type the guest's command without `--`. */
function tooMany(word: string, { line, takesGuestCommand, rest }: Called): Said {
  const problem = `"${word}" is one argument too many`;
  const at = rest.lastIndexOf(word);
  if (!takesGuestCommand || at < 0) return { problem, next: null };
  const shown = [...rest.slice(0, at), "--", ...rest.slice(at)].map(quoteArg).join(" ");
  return { problem, next: `a command for the guest goes after --: \`${line} ${shown}\`` };
}
