/** Unexpected values for the place of a number, a text or an object in untrusted JSON. */

const texts = [
  '{"toString":1,"valueOf":1}',
  '{"__proto__":{"x":1},"constructor":1,"then":1}',
  '{"toJSON":1,"length":-1}',
  "1e999",
  "-1e999",
  "-1",
  "1e308",
  "0.5",
  "9007199254740993",
  "null",
  "true",
  '""',
  '"1"',
  '"\\u001b]0;x\\u0007\\u202e"',
  JSON.stringify("x".repeat(1024 * 1024)),
  "[]",
  "[[[[[[[[]]]]]]]]",
  `${"[".repeat(2000)}${"]".repeat(2000)}`,
  '[{"toString":1},null]',
];

export const strangeTexts: readonly string[] = texts;
export const strangeValues: readonly unknown[] = texts.map((text) => JSON.parse(text));
/** Those that fit in a frame of the agent protocol together with other fields. */
export const strangeFrames: readonly string[] = texts.filter((text) => text.length < 16_000);
