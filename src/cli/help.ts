/** The text of `--help`: what a command does, its usage, arguments, flags and examples. */
import type { Command, CommandContext } from "@stricli/core";

/** Two columns: a name or a command line, and what it is. */
type Row = readonly [name: string, brief: string];

export type CommandHelp = {
  brief: string;
  /** in place of `brief` on the command's own page */
  description?: string;
  /** where the parser's declaration is less exact than what the command takes: `VM`, `[NEW]...` */
  arguments?: readonly Row[];
  /** whether a command for the guest follows `--` */
  guestCommand?: "required" | "optional";
  /** what follows `--`, where that is not just a command */
  guestWords?: string;
  /** command lines, each with what it does */
  examples?: readonly Row[];
};

export type GroupHelp = Pick<CommandHelp, "brief" | "examples"> & {
  /** commands that other programs run, not people */
  hidden?: Readonly<Record<string, boolean>>;
  /** a group, and those of its commands that are here as well; they are not listed */
  shortFor?: readonly [group: string, commands: readonly string[]];
};

/** What the parser hands to a page. `prefix` is the command as it was typed. */
export type HelpArguments = Parameters<Command<CommandContext>["formatHelp"]>[0];
type Declared = Command<CommandContext>["parameters"];
type Flag = NonNullable<Declared["flags"]>[string];

/** A part of a page: names and what they are, or lines as they are typed. Shown if it has any. */
export type Section = { title: string; rows?: readonly Row[]; lines?: readonly string[] };

/** The help of a command or a group, before it is laid out for a terminal (`pageText`) or as a man page. */
export type Page = {
  brief: string;
  /** more than the brief, where that is not all */
  description: string;
  sections: readonly Section[];
  /** below the sections */
  end?: string;
};

/** columns of a page */
const pageWidth = 80;

export function commandPage(parameters: Declared, help: CommandHelp, args: HelpArguments): Page {
  return {
    brief: help.brief,
    description: help.description ?? help.brief,
    sections: [
      { title: "USAGE", lines: usageLines(parameters, help, args.prefix) },
      { title: "ALIASES", lines: aliasLines(args) },
      { title: "ARGUMENTS", rows: argumentRows(parameters, help) },
      { title: "FLAGS", rows: [...flagRows(parameters), ...commonFlagRows(args)] },
      { title: "EXAMPLES", lines: exampleLines(help.examples) },
    ],
  };
}

/** The page of a group of commands, or of the whole program. */
export function groupPage(commands: readonly Row[], help: GroupHelp, args: HelpArguments): Page {
  const command = args.prefix.join(" ");
  return {
    brief: help.brief,
    description: help.brief,
    sections: [
      { title: "USAGE", lines: [`${command} COMMAND [flags]`] },
      { title: "ALIASES", lines: aliasLines(args) },
      { title: "COMMANDS", rows: commands },
      { title: "SHORT", rows: shortRows(help, command) },
      { title: "FLAGS", rows: commonFlagRows(args) },
      { title: "EXAMPLES", lines: exampleLines(help.examples) },
    ],
    end: `Run \`${command} COMMAND --help\` for more about a command.`,
  };
}

function shortRows({ shortFor }: GroupHelp, command: string): Row[] {
  if (shortFor === undefined) return [];
  const [group, names] = shortFor;
  return [[names.join(", "), `short for ${command} ${group} ${names[0]}, ...`]];
}

/** A page as `--help` prints it. */
export function pageText({ description, sections, end }: Page): string {
  const texts = sections.flatMap(({ title, rows = [], lines = columns(rows) }) =>
    lines.length === 0 ? [] : [`\n${title}\n${lines.map((line) => `  ${line}\n`).join("")}`],
  );
  return `${wrapped(description, pageWidth).join("\n")}\n${texts.join("")}${end === undefined ? "" : `\n${end}\n`}`;
}

/** One line, or two where a command for the guest can follow. */
function usageLines(parameters: Declared, help: CommandHelp, prefix: readonly string[]): string[] {
  const flags = Object.entries(parameters.flags ?? {});
  const required = flags.filter(([, flag]) => isRequired(flag)).map(([name, flag]) => flagUsage(name, flag));
  const words = argumentRows(parameters, help).map(([name]) => name);
  const line = [...prefix, ...required, "[flags]", ...words].join(" ");
  const withCommand = `${line} -- ${help.guestWords ?? "COMMAND [ARG]..."}`;
  if (help.guestCommand === "required") return [withCommand];
  return help.guestCommand === "optional" ? [line, withCommand] : [line];
}

function aliasLines({ aliases = [], prefix }: HelpArguments): string[] {
  return aliases.map((alias) => [...prefix.slice(0, -1), alias].join(" "));
}

/** What the command takes, in order: `VM`, `[NAME]`, `PATH...`. */
export function argumentRows({ positional }: Declared, help?: CommandHelp): readonly Row[] {
  if (help?.arguments) return help.arguments;
  if (positional === undefined) return [];
  if (positional.kind === "array") return [[`${positional.parameter.placeholder}...`, positional.parameter.brief]];
  return positional.parameters.map(({ placeholder = "", optional, brief }) => [
    optional ? `[${placeholder}]` : placeholder,
    brief,
  ]);
}

function flagRows({ flags = {}, aliases = {} }: Declared): Row[] {
  const shown = Object.entries(flags).filter(([, flag]) => !("hidden" in flag && flag.hidden));
  return shown.map(([name, flag]) => {
    const letters = Object.entries(aliases).flatMap(([letter, target]) => (target === name ? [letter] : []));
    const isRepeatable = "variadic" in flag && flag.variadic !== undefined;
    const notes = `${isRepeatable ? " (repeatable)" : ""}${isRequired(flag) ? " (required)" : ""}`;
    return [withLetters(letters, flagUsage(name, flag)), flag.brief + notes];
  });
}

/** `--help`, and `--version` where it is a flag. */
function commonFlagRows({ additionalFlags }: HelpArguments): Row[] {
  return additionalFlags
    .filter(({ hidden }) => !hidden)
    .map(({ name, aliases = [], brief }) => [withLetters(aliases, `--${kebab(name)}`), brief]);
}

/** `--name NAME`, `--tty, --no-tty`, `--json` */
function flagUsage(name: string, flag: Flag): string {
  const long = `--${kebab(name)}`;
  if (flag.kind === "boolean") return flag.withNegated === false ? long : `${long}, --no-${kebab(name)}`;
  return `${long} ${flag.placeholder ?? "VALUE"}`;
}

function isRequired(flag: Flag): boolean {
  return flag.optional !== true && !("default" in flag && flag.default !== undefined);
}

/** Flags without a letter line up with those that have one. */
function withLetters(letters: readonly string[], usage: string): string {
  return letters.length === 0 ? `    ${usage}` : [...letters.map((letter) => `-${letter}`), usage].join(", ");
}

function exampleLines(examples: readonly Row[] = []): string[] {
  return examples.flatMap(([line, brief]) => [`# ${brief}`, `$ ${line}`]);
}

/** Long texts continue in their own column. */
function columns(rows: readonly Row[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  return rows.flatMap(([name, brief]) =>
    wrapped(brief, pageWidth - 2 - width).map((line, at) => `${(at === 0 ? name : "").padEnd(width)}${line}`),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** `--idle-timeout` of `idleTimeout`, without the dashes. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
