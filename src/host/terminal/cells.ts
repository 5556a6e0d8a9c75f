/** Widths in terminal cells: an East Asian wide character or an emoji takes two, a combining mark none (UAX #11, UAX #29). */

/** Cells that `text` takes on a terminal. It must be free of control characters and escape sequences: see `base/untrusted-text.ts`. */
export function cellWidth(text: string): number {
  return Bun.stringWidth(text);
}

/** `text` with spaces behind it, `width` cells wide; a wider one stays as it is. */
export function padCells(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cellWidth(text)));
}

/** The longest beginning of `text` that fits into `width` cells. Never cuts within what is drawn as one character. */
export function cutCells(text: string, width: number): string {
  if (cellWidth(text) <= width) return text;
  let end = 0;
  let used = 0;
  for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    used += cellWidth(segment);
    if (used > width) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}
