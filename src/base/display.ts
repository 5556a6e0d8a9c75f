/**
 * Foreign text on a terminal and in JSON. Whoever wrote a console, a label, a file name or a branch wanted to be read; nothing of it may
 * command the terminal, reorder what stands beside it, hide, or begin a line that looks like ours.
 */

/** Longest sequence that is removed as one, in UTF-16 units; of a longer one only its introducer goes, so that nothing hides behind it. */
const maxSequence = 256;

const intro = "\\u001b";
const csi = `(?:${intro}\\[|\\u009b)[0-?]{0,64}[ -/]{0,8}[@-~]`;
const controlString = `(?:${intro}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]{0,${maxSequence - 4}}(?:\\u0007|${intro}\\\\|\\u009c)`;
const short = `${intro}[ -/]{0,4}[0-Z\\\\^-~]`;

/** Whole sequences of ECMA-48, 8-bit forms included: CSI, control strings (OSC, DCS, SOS, PM, APC) and the short ones. */
const sequences = new RegExp(`${csi}|${controlString}|${short}`, "g");

/** The beginning of a sequence at the end of a text that may still become a whole one. */
const unfinished = new RegExp(
  `(?:(?:${intro}\\[|\\u009b)[0-?]{0,64}[ -/]{0,8}` +
    `|(?:${intro}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]{0,${maxSequence - 4}}${intro}?` +
    `|${intro}[ -/]{0,4})$`,
);

/**
 * What Unicode calls controls, format characters (bidirectional marks, zero-width ones, tags) and separators of lines and
 * paragraphs, halves of surrogate pairs, and what is drawn as nothing: variation selectors, fillers, code points that are
 * set aside to be ignored, the blank of Braille and the null notehead; tab and newline aside.
 */
const unseen = /[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu;

/** Without escape sequences and what can't be seen; tab and newline stay. */
export function stripControl(text: string): string {
  return text.replace(sequences, "").replace(unseen, "");
}

const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** Foreign words inside a line of ours: as `stripControl`, and a line break becomes a space. */
export function oneLine(text: string): string {
  return stripControl(text.replace(sequences, "").replace(breaks, "\n")).replace(/\n/g, " ");
}

/**
 * A name, which must stay distinct from others: each character that can't be seen is shown by its code, as in `a\u{a}b`, and
 * so is a backslash that would begin such a code.
 */
export function visible(text: string): string {
  const shown = (unit: string) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`;
  return text
    .replace(/\\(?=u\{)/g, shown)
    .replace(unseen, shown)
    .replace(/[\t\n]/g, shown);
}

/** Further lines of ours under a first one, indented: none of them can pass for a line of its own. */
export function indented(text: string): string {
  return stripControl(text).replace(/\n(?! {2})/g, "\n  ");
}

/** JSON that every terminal shows alike: see `escapeUnseen`. */
export function safeJson(value: unknown, indent?: number): string {
  return escapeUnseen(JSON.stringify(value, null, indent));
}

/** JSON in which what can't be seen stands as `\uXXXX`: it means the same. RFC 8259, section 7 */
export function escapeUnseen(json: string): string {
  return json.replace(unseen, (seen) =>
    Array.from({ length: seen.length }, (_, at) => `\\u${seen.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** A stream of bytes as `stripControl` would show it, however it is cut. What is no UTF-8, raw 8-bit controls too, becomes U+FFFD. */
export class DisplayStream {
  readonly #decoder = new TextDecoder("utf-8");
  #held = "";

  push(chunk: Uint8Array): string {
    return this.#take(this.#decoder.decode(chunk, { stream: true }), false);
  }

  /** what the stream ended in the middle of */
  end(): string {
    return this.#take(this.#decoder.decode(), true);
  }

  #take(text: string, isLast: boolean): string {
    const all = this.#held + text;
    const cut = isLast ? all.length : beginOfUnfinished(all);
    this.#held = all.slice(cut);
    return stripControl(all.slice(0, cut));
  }
}

/** A sequence can't be longer than `maxSequence`: no more than that is held back. */
function beginOfUnfinished(text: string): number {
  const from = Math.max(0, text.length - maxSequence);
  const tail = text.slice(from);
  const found = unfinished.exec(tail);
  return found === null ? text.length : from + found.index;
}
