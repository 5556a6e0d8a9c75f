/** Decides what can follow on a command line, from the tree of commands. Pure: the names that the daemon has are only asked for. */
import type { Command, RouteMap } from "@stricli/core";
import type { CliContext } from "../context.ts";
import { argumentRows, type CommandHelp, type GroupHelp, kebab } from "../help.ts";
import { bare, kindOf, type LiveKind, type ValueKind } from "./kinds.ts";

export type Target = Command<CliContext> | RouteMap<CliContext>;

/** A word, and what it is. */
export type Candidate = readonly [word: string, brief: string];

export type Proposal = {
  words: readonly Candidate[];
  /** names to get from the daemon */
  live?: {
    kind: LiveKind;
    /** whose snapshots */
    vm?: string;
    /** names that are on the command line already */
    taken: readonly string[];
    /** what stands around each name in the word: `--image=`, and the colon of `VM:PATH` */
    before: string;
    after: string;
  };
  /** paths here, which the shell completes itself */
  paths?: "files" | "folders";
};

type Parameters = Command<CliContext>["parameters"];
type Flag = NonNullable<Parameters["flags"]>[string] & {
  choices?: readonly string[];
  completes?: ValueKind | "nothing";
};

const nothing: Proposal = { words: [] };

/** @param words those after `banger`; the last one, which may be empty, is being typed */
export function propose(root: RouteMap<CliContext>, words: readonly string[]): Proposal {
  const before = words.slice(0, -1);
  const partial = words.at(-1) ?? "";
  // behind -- is a command for the guest
  if (before.includes("--")) return nothing;
  const typed = read(root, before[0] === "help" ? before.slice(1) : before);
  if (typed === null) return nothing;
  const { target, pending } = typed;
  if ("getAllEntries" in target) return partial.startsWith("-") ? flagWords({}, typed) : commandWords(target, partial);
  if (pending) return flagValue(pending, "", typed);
  const assigned = /^(--[^=]+)=/.exec(partial);
  const flag = assigned && flagOf(target.parameters, assigned[1] ?? "");
  if (flag) return flagValue(flag, assigned[0], typed);
  return partial.startsWith("-") ? flagWords(target.parameters, typed) : argument(target, typed);
}

type Typed = {
  target: Target;
  arguments: readonly string[];
  /** flags that are there, as they are declared */
  flags: ReadonlySet<Flag>;
  /** the flag whose value is next */
  pending: Flag | null;
};

/** Null if a word is no command. */
function read(root: RouteMap<CliContext>, words: readonly string[]): Typed | null {
  let target: Target = root;
  let pending: Flag | null = null;
  const given: string[] = [];
  const flags = new Set<Flag>();
  for (const word of words) {
    if (pending) pending = null;
    else if ("getAllEntries" in target) {
      const child: Target | undefined = target.getRoutingTargetForInput(word);
      if (child === undefined) return null;
      target = child;
    } else if (word.length > 1 && word.startsWith("-")) {
      const flag = flagOf(target.parameters, word.replace(/=.*/s, ""));
      if (flag) flags.add(flag);
      if (flag && takesValue(flag) && !word.includes("=")) pending = flag;
    } else given.push(word);
  }
  return { target, arguments: given, flags, pending };
}

/** Of letters, such as `-it`, the last one's: only that can take a value. */
function flagOf({ flags = {}, aliases = {} }: Parameters, word: string): Flag | undefined {
  if (!word.startsWith("--")) return flags[(aliases as Record<string, string>)[word.at(-1) ?? ""] ?? ""];
  const name = word.slice(2);
  return Object.entries(flags).find(([own]) => kebab(own) === name || own === name)?.[1];
}

function takesValue(flag: Flag): boolean {
  return flag.kind !== "boolean" && flag.kind !== "counter";
}

/** Other names of a command only where no name begins like that. */
function commandWords(group: RouteMap<CliContext> & { help?: GroupHelp }, partial: string): Proposal {
  const [, short = []] = group.help?.shortFor ?? [];
  const entries = group.getAllEntries().filter(({ hidden, name }) => !hidden || short.includes(name.original));
  const names = entries.map(({ name, target }): Candidate => [name["convert-camel-to-kebab"], target.brief]);
  if (names.some(([name]) => name.startsWith(partial))) return { words: names };
  return { words: entries.flatMap(({ aliases, target }) => aliases.map((alias): Candidate => [alias, target.brief])) };
}

function flagWords({ flags = {} }: Partial<Parameters>, { flags: given }: Typed): Proposal {
  const words = Object.entries(flags).flatMap(([name, flag]: [string, Flag]): Candidate[] => {
    const isRepeatable = "variadic" in flag && flag.variadic !== undefined;
    if (("hidden" in flag && flag.hidden) || (given.has(flag) && !isRepeatable)) return [];
    const long: Candidate = [`--${kebab(name)}`, flag.brief];
    const isNegatable = flag.kind === "boolean" && flag.withNegated !== false;
    return isNegatable ? [long, [`--no-${kebab(name)}`, flag.brief]] : [long];
  });
  return { words: [...words, ["--help", "show this help"]] };
}

function flagValue(flag: Flag, before: string, typed: Typed): Proposal {
  if (flag.choices) return { words: flag.choices.map((choice) => [`${before}${choice}`, ""]) };
  const placeholder = "placeholder" in flag ? (flag.placeholder ?? "") : "";
  const kind = flag.completes ?? kindOf(placeholder);
  return kind === null || kind === "nothing" ? nothing : ofKind(kind, typed, { before, taken: [] });
}

function argument(target: Command<CliContext> & { help?: CommandHelp }, typed: Typed): Proposal {
  const rows = argumentRows(target.parameters, target.help).map(([name]) => name);
  const next = rows[typed.arguments.length] ?? (rows.at(-1)?.endsWith("...") ? rows.at(-1) : undefined);
  if (next === undefined) return nothing;
  const kind = kindOf(next);
  return kind === null ? nothing : ofKind(kind, typed, { before: "", taken: typed.arguments });
}

function ofKind(
  kind: ValueKind,
  typed: Typed,
  { before, taken }: { before: string; taken: readonly string[] },
): Proposal {
  if (kind === "files" || kind === "folders") return { words: [], paths: kind };
  if (kind === "copy") return { words: [], paths: "files", live: { kind: "vm", taken: [], before, after: ":" } };
  const vm = kind === "snapshot" ? vmOf(typed) : undefined;
  return { words: [], live: { kind, taken, before, after: "", ...(vm === undefined ? {} : { vm }) } };
}

/** The argument that names a VM. */
function vmOf({ target, arguments: given }: Typed): string | undefined {
  if ("getAllEntries" in target) return undefined;
  const rows = argumentRows(target.parameters, (target as { help?: CommandHelp }).help);
  const at = rows.findIndex(([name]) => bare(name) === "VM");
  return at < 0 ? undefined : given[at];
}
