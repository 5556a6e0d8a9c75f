import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "./testing/budget.ts";
import { DisplayStream, escapeUnseen, indented, oneLine, safeJson, stripControl, visible } from "./untrusted-text.ts";

/** What no text on a terminal may contain, listed by number, independent of the regular expression that removes it. */
const unseenRanges: [number, number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0x1bca0, 0x1bca3],
  [0x1d159, 0x1d159],
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff],
];

function isUnseen(code: number): boolean {
  return unseenRanges.some(([from, to]) => code >= from && code <= to);
}

function unseenIn(text: string): number[] {
  return [...text].map((unit) => unit.codePointAt(0) ?? 0).filter(isUnseen);
}

/** Plain letters between everything that a terminal might interpret. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\u001b",
        "\u009b",
        "\u009d",
        "\u009c",
        "\u0007",
        "[",
        "]",
        "31m",
        "0;",
        "\\",
        "\n",
        "\r",
        "\t",
        "P",
      ),
      fc.constantFrom("\u202e", "\u2066", "\u061c", "\u200b", "\u2028", "\u2029", "\u0085", "\ufeff", "\u{e0041}"),
      fc.constantFrom("error: x", "hint: y", "é", "日本", "😀", "\ud83d", "\ude00"),
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.constant("x".repeat(300)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(""));

const texts: [string, string][] = [
  ["plain ünï\t\n", "plain ünï\t\n"],
  ["\u001b[31mred\u001b[0m", "red"],
  ["\u009b31mred\u009b0m", "red"],
  ["\u001b]0;title\u0007x", "x"],
  ["\u009d0;title\u009cx", "x"],
  ["\u001b]8;;http://x\u001b\\y", "y"],
  ["\u001bPq#0\u001b\\sixel", "sixel"],
  ["\u001b(0lqk\u001b(B", "lqk"],
  ["\u001bcreset", "reset"],
  ["a\rb\u0008c\u0000\u007f", "abc"],
  ["\u202eevil\u2066\u2069\u061c\u200e", "evil"],
  ["a\u2028b\u2029c\u0085d", "abcd"],
  ["ze\u200bro\u2060\ufeff\u00ad", "zero"],
  ["main\u{e0100}\ufe0f\u034f\u2065\u{e0002}\ufff0\u17b4\u180b", "main"],
  ["\u2800bl\u{1d159}ank", "blank"],
  ["tag\u{e0041}\u{e007f}", "tag"],
  ["\ud83d\u001b[m\ude00", "😀"],
  ["\ud83d half", " half"],
  ["\u001b", ""],
];
for (const [text, clean] of texts)
  test(`stripControl ${JSON.stringify(text)}`, () => expect(stripControl(text)).toBe(clean));

test("an unfinished sequence removes nothing of the text after it", () => {
  const log = "all is well\n".repeat(50);
  expect(stripControl(`\u001b]0;${log}`)).toBe(`]0;${log}`);
  expect(stripControl(`\u001bPx\n${log}`)).toBe(`x\n${log}`);
  const long = "x".repeat(5000);
  expect(stripControl(`\u001b]0;${long}\u0007`)).toBe(`]0;${long}`);
});

test("no function leaves anything invisible or anything that a terminal interprets", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(unseenIn(stripControl(text))).toEqual([]);
      expect(unseenIn(indented(text))).toEqual([]);
      expect(oneLine(text)).not.toMatch(/[\t\n]/);
      expect(unseenIn(oneLine(text))).toEqual([]);
      expect(visible(text)).not.toMatch(/[\t\n]/);
      expect(unseenIn(visible(text))).toEqual([]);
    }),
    { numRuns: runs(300) },
  );
});

/** Number and abbreviation marks of Arabic and other scripts: format characters too, but visible. */
const seenFormat = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}\u{13430}-\u{1343f}]/u;

test("of all code points, exactly the invisible ones are removed or escaped", () => {
  // neither a sequence nor a surrogate pair spans two lines
  const codes = Array.from({ length: 0x110000 }, (_, code) => code);
  const text = codes.map((code) => String.fromCodePoint(code)).join("\n|");
  const stripped = stripControl(text).replace("\n|\n\n|", "\n|LF\n|").split("\n|");
  const shown = visible(text).split("\\u{a}|");
  const escaped = escapeUnseen(text).replace("\n|\n\n|", "\n|LF\n|").split("\n|");
  const wrong = codes.filter((code) => {
    if (code === 0x0a) return shown[code] !== "\\u{a}";
    const unit = String.fromCodePoint(code);
    const isHidden = isUnseen(code) || seenFormat.test(unit);
    if (stripped[code] !== (isHidden ? "" : unit) || (escaped[code] !== unit) !== isHidden) return true;
    return shown[code] !== (isHidden || code === 0x09 ? `\\u{${code.toString(16)}}` : unit);
  });
  expect(wrong).toEqual([]);
}, 60_000);

test("two names never look the same because of invisible characters or text that looks like an escape", () => {
  /** reverts `visible`: no two names have the same result */
  const original = (shown: string) =>
    shown.replace(/\\u\{([0-9a-f]+)\}/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
  expect(visible("main\u{e0100}")).toBe("main\\u{e0100}");
  expect(visible("a\nb")).not.toBe(visible("a\\u{a}b"));
  const part = fc.constantFrom("\\", "u{", "a}", "5c}", "\n", "\u2800", "\ufe0f", "x");
  fc.assert(
    fc.property(
      fc.oneof(
        hostile,
        fc.array(part).map((parts) => parts.join("")),
      ),
      (name) => {
        expect(original(visible(name))).toBe(name);
      },
    ),
    { numRuns: runs(300) },
  );
});

test("a line break in untrusted text starts no new line", () => {
  expect(oneLine("a\r\nerror: b\u2028hint: c\u0085d\ve")).toBe("a error: b hint: c d e");
  expect(visible("a\nb\u202e\u{e0041}")).toBe("a\\u{a}b\\u{202e}\\u{e0041}");
  expect(indented("1 problem:\n  x\nhint: y")).toBe("1 problem:\n  x\n  hint: y");
});

test("JSON loses nothing, and shows nothing that a terminal interprets", () => {
  fc.assert(
    fc.property(hostile, fc.constantFrom(undefined, 2), (text, indent) => {
      const json = safeJson({ [text]: [text] }, indent);
      expect(unseenIn(json)).toEqual([]);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ [text]: [text] })));
    }),
    { numRuns: runs(300) },
  );
  expect(escapeUnseen('"\u202e\u{e0041}\u007f"')).toBe('"\\u202e\\udb40\\udc41\\u007f"');
});

/** These bytes as the stream shows them when they arrive in pieces of these lengths. */
function streamed(bytes: Uint8Array, lengths: readonly number[]): string {
  const stream = new DisplayStream();
  let shown = "";
  let at = 0;
  for (const length of lengths) {
    shown += stream.push(bytes.subarray(at, at + length));
    at += length;
  }
  return shown + stream.push(bytes.subarray(at)) + stream.end();
}

const anyBytes = fc.oneof(
  hostile.map((text) => new TextEncoder().encode(text)),
  fc.uint8Array({ maxLength: 200 }),
  fc
    .array(fc.constantFrom(0x1b, 0x5b, 0x9b, 0xc2, 0xe2, 0x80, 0xa8, 0xae, 0xc0, 0xf0, 0x33, 0x6d, 0x0a), {
      maxLength: 60,
    })
    .map((bytes) => Uint8Array.from(bytes)),
);

test("a stream shows the same however it is split", () => {
  fc.assert(
    fc.property(anyBytes, fc.array(fc.nat({ max: 12 }), { maxLength: 80 }), (bytes, lengths) => {
      const shown = streamed(bytes, lengths);
      expect(shown).toBe(stripControl(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)));
      expect(unseenIn(shown)).toEqual([]);
    }),
    { numRuns: runs(500) },
  );
});

test("raw 8-bit controls, overlong forms and cut characters become U+FFFD", () => {
  const bytes = [0x41, 0x9b, 0x33, 0xc0, 0x9b, 0xe0, 0x80, 0x9b, 0xc2, 0x9b, 0x33, 0x6d, 0x42, 0xe2, 0x80];
  for (const lengths of [[], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
    expect(streamed(Uint8Array.from(bytes), lengths)).toMatch(/^A\ufffd3\ufffd+B\ufffd+$/);
  }
});

test("a prompt without a line end is shown at once", () => {
  const stream = new DisplayStream();
  expect(stream.push(new TextEncoder().encode("login: "))).toBe("login: ");
  expect(stream.push(new TextEncoder().encode("\u001b[1"))).toBe("");
  expect(stream.push(new TextEncoder().encode("mroot"))).toBe("root");
});

test("a control string of 252 characters is removed whole; of a longer one only the introducer", () => {
  const title = (length: number) => `a\x1b]${"t".repeat(length)}\x07b`;
  expect(stripControl(title(252))).toBe("ab");
  expect(stripControl(title(253))).toBe(`a]${"t".repeat(253)}b`);
});
