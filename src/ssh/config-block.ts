/**
 * The lines that `banger ssh-config --install` adds to a user's `~/.ssh/config`, between two marks. They stand at its head: an `Include` below a `Host`
 * line would belong to that host (ssh_config(5)). Everything else stays as it is, byte for byte; texts here have a character for each byte
 * (latin1). Pure.
 */

const begin = "# >>> banger >>>";
/** instead of `begin` where there was no file: then it goes with the block */
const beginNew = "# >>> banger made this file >>>";
const end = "# <<< banger <<<";

/** Why the marks in a file can't be used, as a clause. */
export type Odd = { problem: string };

/** The file with `lines` at its head, in place of the block that it has. @param text null: there is no file */
export function withBlock(text: string | null, lines: readonly string[]): { text: string } | Odd {
  const found = text === null ? null : findBlock(text);
  if (found && "problem" in found) return found;
  const isNew = text === null || found?.isNew;
  const block = [isNew ? beginNew : begin, ...lines, end].map((line) => `${line}\n`).join("");
  if (found) return { text: `${found.before}${block}${found.after}` };
  return { text: `${block}${text ?? ""}` };
}

/** The file as it was without the block. `text` is null if it had not been there. */
export function withoutBlock(text: string): { text: string | null } | Odd {
  const found = findBlock(text);
  if (found === null) return { text };
  if ("problem" in found) return found;
  const rest = `${found.before}${found.after}`;
  return { text: found.isNew && rest === "" ? null : rest };
}

type Block = { before: string; after: string; isNew: boolean };

function findBlock(text: string): Block | Odd | null {
  const lines = text.split(/(?<=\n)/);
  const bare = lines.map((line) => line.trim());
  const begins = indexesOf(bare, (line) => line === begin || line === beginNew);
  const ends = indexesOf(bare, (line) => line === end);
  const [first, ...more] = begins;
  const [last, ...moreEnds] = ends;
  if (first === undefined && last === undefined) return null;
  if (first === undefined) return { problem: `line ${(last ?? 0) + 1} ends a block of banger that does not begin` };
  if (last === undefined || last < first) return { problem: `the block of banger in line ${first + 1} does not end` };
  if (more.length > 0 || moreEnds.length > 0) return { problem: "it has more than one block of banger" };
  return {
    before: lines.slice(0, first).join(""),
    after: lines.slice(last + 1).join(""),
    isNew: bare[first] === beginNew,
  };
}

function indexesOf(lines: readonly string[], matches: (line: string) => boolean): number[] {
  return lines.flatMap((line, at) => (matches(line) ? [at] : []));
}
