/** Cuts a character off the end of a text, in time proportional to the length cut off. */

/**
 * `text` without any `character` (one UTF-16 unit) at its end. A pattern such as `/\/+$/` restarts at every character of a run, which
 * takes hours for a megabyte of slashes; `trim.test.ts` keeps such patterns out of the sources.
 */
export function trimEndOf(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return end === text.length ? text : text.slice(0, end);
}
