/** Guesses which command or flag an unknown one was meant to be. */
import { nearest } from "../base/text.ts";

/** Every command as its words: `["vm", "run"]`, `["doctor"]`. */
export type CommandPaths = readonly (readonly string[])[];

/**
 * @param words the command line up to and including the unknown word
 * @returns a whole command, such as `vm run`; null if none is similar
 */
export function suggestCommand(paths: CommandPaths, words: readonly string[]): string | null {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? "";
  const below = paths.filter((path) => path.length > before.length && before.every((one, at) => path[at] === one));
  if (before.length > 0) {
    const found = near(word, new Set(below.map((path) => path[before.length] ?? "")));
    return found === undefined ? null : [...before, found].join(" ");
  }
  const inGroups = paths.filter(([, name]) => name !== undefined);
  const isShort = inGroups.find(([, name]) => name === word);
  if (isShort) return isShort.join(" ");
  const first = near(word, new Set(paths.map(([group = ""]) => group)));
  if (first !== undefined) return first;
  const found = near(word, new Set(inGroups.map(([, name = ""]) => name)));
  return inGroups.find(([, name]) => name === found)?.join(" ") ?? null;
}

/** As `nearest`; a short word must begin alike as well, for `top` is not a mistyped `stop`. */
export function near(word: string, list: Iterable<string>): string | undefined {
  const isShort = word.length < 5;
  return nearest(
    word,
    [...list].filter((one) => !isShort || one[0]?.toLowerCase() === word[0]?.toLowerCase()),
  );
}
