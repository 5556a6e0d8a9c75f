/** Guesses which command an unknown one was meant to be. */
import { nearest } from "../base/text.ts";

/** Every command as its words: `["vm", "run"]`, `["doctor"]`. */
export type CommandPaths = readonly (readonly string[])[];

/**
 * @param words the command line up to and including the unknown word
 * @returns a whole command, such as `vm run`; null if none is similar
 */
export function suggestCommand(paths: CommandPaths, words: readonly string[]): string | null {
  const [first = "", second] = words;
  const groups = [...new Set(paths.map(([group = ""]) => group))];
  if (second !== undefined) {
    const inGroup = paths.filter(([group, name]) => group === first && name !== undefined).map(([, name = ""]) => name);
    const found = nearest(second, inGroup);
    return found === undefined ? null : `${first} ${found}`;
  }
  const inGroups = paths.filter(([, name]) => name !== undefined);
  const isShort = inGroups.find(([, name]) => name === first);
  if (isShort) return isShort.join(" ");
  const group = nearest(first, groups);
  if (group !== undefined) return group;
  const near = nearest(first, new Set(inGroups.map(([, name = ""]) => name)));
  return inGroups.find(([, name]) => name === near)?.join(" ") ?? null;
}
