/** Small changes of a program's text, each of which a test should notice. Pure. */

export type Mutation = {
  /** from 1 */
  line: number;
  /** `a < b` became `a <= b`, in a few words */
  what: string;
  /** the whole file with the change in it */
  source: string;
};

type Rule = { pattern: RegExp; replace: (found: RegExpExecArray) => string };

const swaps: [from: string, to: string][] = [
  ["<", "<="],
  ["<=", "<"],
  [">", ">="],
  [">=", ">"],
  ["===", "!=="],
  ["!==", "==="],
  ["&&", "||"],
  ["||", "&&"],
];

const rules: Rule[] = [
  ...swaps.map(([from, to]) => ({ pattern: new RegExp(`(?<= )${escaped(from)}(?= )`, "g"), replace: () => to })),
  // a named limit, or a number in a comparison or a list of bounds: doubled, and one more
  { pattern: /(?<![\w.])(?:0x[\da-f_]+|\d[\d_]*)(?![\w.])/gi, replace: ([text]) => doubled(text) },
  { pattern: /(?<=[=<>] )\d[\d_]*(?=[;,)\s])/g, replace: ([text]) => String(Number(text.replaceAll("_", "")) + 1) },
  { pattern: /(?<=[\w\])] )[+-] 1\b(?! \*)/g, replace: ([text]) => `${text[0]} 0` },
  // a condition that is turned around
  { pattern: /(?<=\bif \()!(?=[\w(])/g, replace: () => "" },
  { pattern: /(?<=\bif \()(?=[\w#.]+\))/g, replace: () => "!" },
  { pattern: /\btrue\b/g, replace: () => "false" },
  { pattern: /\bfalse\b/g, replace: () => "true" },
];

/** Of Rust, whose conditions have no parentheses; a guard's body is on lines of its own. */
const rustRules: Rule[] = [
  { pattern: /(?<=\bif )!(?=[\w(])/g, replace: () => "" },
  { pattern: /(?<=\bif )(?!let\b|!)[^{]+(?= \{)/g, replace: () => "false" },
];

export type Language = "typescript" | "rust";

/** A guard that stands on one line: `if (…) throw …;` */
const guard = /^\s*if \(.*\) (?:throw|return|continue|break)\b.*;$/;
/** Imports, types, and fields of types that may be left out. */
const passedOver = /^\s*(?:import|export (?:type|\*)|type |(?:pub )?use |(?:readonly )?\w+\?: )/;

/** Rust's own tests, which stand at the end of a file, are not changed. */
export function mutationsOf(source: string, language: Language = "typescript"): Mutation[] {
  const lines = source.split("\n");
  const code = withoutWords(source).split("\n");
  const isRust = language === "rust";
  const tests = isRust ? lines.indexOf("#[cfg(test)]") : -1;
  const all = isRust ? [...rules, ...rustRules] : rules;
  return lines.slice(0, tests < 0 ? undefined : tests).flatMap((text, at) => {
    const visible = code[at] ?? "";
    if (passedOver.test(visible)) return [];
    const change = (what: string, to: string): Mutation => ({
      line: at + 1,
      what,
      source: lines.with(at, to).join("\n"),
    });
    const changed = all.flatMap((rule) => apply(rule, text, visible).map((to) => change(difference(text, to), to)));
    return guard.test(visible) ? [...changed, change(`removed: ${text.trim()}`, "")] : changed;
  });
}

/** Every place on the line where the rule fits code, one at a time. */
function apply({ pattern, replace }: Rule, text: string, visible: string): string[] {
  return [...visible.matchAll(pattern)]
    .map((found) => text.slice(0, found.index) + replace(found) + text.slice(found.index + found[0].length))
    .filter((to) => to !== text);
}

function doubled(text: string): string {
  const value = Number(text.replaceAll("_", ""));
  return value < 2 ? text : String(2 * value);
}

function difference(from: string, to: string): string {
  return `${from.trim()}  ->  ${to.trim()}`;
}

/** The text with every comment, string and regular expression blanked, each line as long as it was. */
export function withoutWords(source: string): string {
  const words =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=[(=,:] ?)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\n])+\/[a-z]*/g;
  return source.replace(words, (text) => text.replace(/[^\n]/g, "_"));
}

function escaped(text: string): string {
  return text.replace(/[|]/g, "\\$&");
}
