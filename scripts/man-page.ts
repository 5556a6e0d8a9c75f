/** One command's help as a man page, in the macros of man(7). Nothing in it changes from one build to the next. */
import type { Section } from "../src/cli/help.ts";
import type { CommandPage } from "../src/cli/pages.ts";

/** man's words for ours */
const titles: Readonly<Record<string, string>> = { USAGE: "SYNOPSIS", FLAGS: "OPTIONS", SHORT: "SHORT FORMS" };

/** `banger-vm-run` */
export function manName({ words }: Pick<CommandPage, "words">): string {
  return words.join("-");
}

/** @param all the pages that it can refer to */
export function manPage(one: CommandPage, all: readonly CommandPage[], version: string): string {
  const { brief, description, sections } = one.page;
  const [usage, ...rest] = sections;
  const parts = [
    `.TH ${quoted(manName(one).toUpperCase())} 1 "" ${quoted(`banger ${version}`)} "banger manual"`,
    ".nh\n.ad l",
    `.SH NAME\n${escaped(manName(one))} \\- ${escaped(brief)}`,
    usage ? sectionOf(usage) : "",
    `.SH DESCRIPTION\n${line(description)}`,
    ...rest.map(sectionOf),
    seeAlso(one, all),
  ];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

function sectionOf({ title, rows = [], lines = [] }: Section): string {
  if (rows.length + lines.length === 0) return "";
  const tagged = rows.map(([name, brief]) => `.TP\n.B ${quoted(name.trim())}\n${line(brief)}`);
  const literal = lines.length === 0 ? [] : [".nf", ...lines.map(line), ".fi"];
  return [`.SH ${titles[title] ?? title}`, ...tagged, ...literal].join("\n");
}

/** The group it is in, and what is in it. */
function seeAlso({ words }: CommandPage, all: readonly CommandPage[]): string {
  const isNear = (other: readonly string[]) =>
    (other.length === words.length - 1 && other.every((word, at) => word === words[at])) ||
    (other.length === words.length + 1 && words.every((word, at) => word === other[at]));
  const names = all.filter((other) => isNear(other.words)).map((other) => `.BR ${escaped(manName(other))} (1)`);
  return names.length === 0 ? "" : [".SH SEE ALSO", ...names].join("\n");
}

/** A line that begins with a dot or a quote would be a request. */
function line(text: string): string {
  return escaped(text).replace(/^(?=[.'])/, "\\&");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** An argument of a macro. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '""')}"`;
}
