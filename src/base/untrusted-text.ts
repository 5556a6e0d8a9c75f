/**
 * Untrusted text on a terminal and in JSON. A console, a label, a file name or a branch must be readable, but must not control the
 * terminal, reorder the text beside it, hide text, or start a line that looks like banger's own.
 */

/** Longest sequence that is removed whole, in UTF-16 units; of a longer one only the introducer is removed, so that it can't hide text. */
const maxSequence = 256;

const intro = "\\u001b";
const csi = `(?:${intro}\\[|\\u009b)[0-?]{0,64}[ -/]{0,8}[@-~]`;
const controlString = `(?:${intro}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]{0,${maxSequence - 4}}(?:\\u0007|${intro}\\\\|\\u009c)`;
const short = `${intro}[ -/]{0,4}[0-Z\\\\^-~]`;

/** Whole sequences of ECMA-48, 8-bit forms included: CSI, control strings (OSC, DCS, SOS, PM, APC) and the short ones. */
const sequences = new RegExp(`${csi}|${controlString}|${short}`, "g");

/** The start of a sequence at the end of a text, which more text could complete. */
const unfinished = new RegExp(
  `(?:(?:${intro}\\[|\\u009b)[0-?]{0,64}[ -/]{0,8}` +
    `|(?:${intro}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c\\n]{0,${maxSequence - 4}}${intro}?` +
    `|${intro}[ -/]{0,4})$`,
);

/**
 * Control characters, format characters (bidirectional marks, zero-width ones, tags), line and paragraph separators, unpaired
 * surrogates, and characters that are drawn as nothing: variation selectors, fillers, default ignorable code points, the Braille
 * blank and the null notehead; not tab and newline.
 */
const unseen = /[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\u{1d159}]/gu;

/** Removes escape sequences and invisible characters; tab and newline stay. */
export function stripControl(text: string): string {
  return text.replace(sequences, "").replace(unseen, "");
}

const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** Untrusted text within one of banger's lines: as `stripControl`, and a line break becomes a space. */
export function oneLine(text: string): string {
  return stripControl(text.replace(sequences, "").replace(breaks, "\n")).replace(/\n/g, " ");
}

/**
 * A name, which must stay distinguishable: each invisible character is shown as its code, as in `a\u{a}b`, and so is a backslash
 * that would begin such a code.
 */
export function visible(text: string): string {
  const shown = (unit: string) => `\\u{${(unit.codePointAt(0) ?? 0).toString(16)}}`;
  return text
    .replace(/\\(?=u\{)/g, shown)
    .replace(unseen, shown)
    .replace(/[\t\n]/g, shown);
}

/** Further lines under a first one, indented so that none looks like a line of its own. */
export function indented(text: string): string {
  return stripControl(text).replace(/\n(?! {2})/g, "\n  ");
}

/** JSON that every terminal shows the same way: see `escapeUnseen`. */
export function safeJson(value: unknown, indent?: number): string {
  return escapeUnseen(JSON.stringify(value, null, indent));
}

/** JSON with invisible characters as `\uXXXX`, which means the same: RFC 8259, section 7. */
export function escapeUnseen(json: string): string {
  return json.replace(unseen, (seen) =>
    Array.from({ length: seen.length }, (_, at) => `\\u${seen.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** A byte stream as `stripControl` would show it, however it is split. Invalid UTF-8, raw 8-bit controls included, becomes U+FFFD. */
export class DisplayStream {
  readonly #decoder = new TextDecoder("utf-8");
  #held = "";

  push(chunk: Uint8Array): string {
    return this.#take(this.#decoder.decode(chunk, { stream: true }), false);
  }

  /** the incomplete end of the stream */
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

/** A sequence is at most `maxSequence` long: no more than that is kept back. */
function beginOfUnfinished(text: string): number {
  const from = Math.max(0, text.length - maxSequence);
  const tail = text.slice(from);
  const found = unfinished.exec(tail);
  return found === null ? text.length : from + found.index;
}
