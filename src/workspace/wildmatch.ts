/**
 * git's glob patterns for paths: `wildmatch()` with WM_PATHNAME (git's wildmatch.c). `*` and `?` stop at a slash, `**` between slashes
 * does not. Patterns are untrusted, so the time is at most pattern × text. Pure.
 */

type Token =
  | { kind: "one"; matches(char: string): boolean }
  /** any number of characters; slashes too where it crosses folders */
  | { kind: "star"; crosses: boolean }
  /** the next two tokens can be skipped: the stars and the slash of `**` + `/` */
  | { kind: "optional" };

/** @param ignoreCase WM_CASEFOLD: ASCII letters of either case are the same */
export function wildmatch(pattern: string, text: string, ignoreCase = false): boolean {
  const tokens = tokensOf(pattern, ignoreCase);
  if (tokens === null) return false;
  let states = new Set<number>();
  enter(tokens, 0, states);
  for (const char of ignoreCase ? lower(text) : text) {
    const next = new Set<number>();
    for (const state of states) step(tokens, state, char, next);
    if (next.size === 0) return false;
    states = next;
  }
  return states.has(tokens.length);
}

/** Adds `state` and every state reached from it without a character. */
function enter(tokens: readonly Token[], state: number, into: Set<number>): void {
  for (let at = state; !into.has(at); at++) {
    into.add(at);
    const token = tokens[at];
    if (token === undefined || token.kind === "one") return;
    if (token.kind === "optional") enter(tokens, at + 3, into);
  }
}

function step(tokens: readonly Token[], state: number, char: string, into: Set<number>): void {
  const token = tokens[state];
  if (token?.kind === "one" && token.matches(char)) enter(tokens, state + 1, into);
  if (token?.kind === "star" && (token.crosses || char !== "/")) enter(tokens, state, into);
}

/** Null for a pattern that matches nothing: an unclosed bracket, an unknown class. */
function tokensOf(pattern: string, ignoreCase: boolean): Token[] | null {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; ) {
    const char = pattern[at] as string;
    if (char === "*") {
      const end = at + (/^\*+/.exec(pattern.slice(at))?.[0].length ?? 1);
      tokens.push(...starTokens(pattern, at, end));
      at = pattern[end] === "/" && tokens.at(-3)?.kind === "optional" ? end + 1 : end;
    } else if (char === "?") {
      tokens.push({ kind: "one", matches: (each) => each !== "/" });
      at += 1;
    } else if (char === "[") {
      const set = readSet(pattern, at + 1, ignoreCase);
      if (set === null) return null;
      tokens.push({ kind: "one", matches: set.matches });
      at = set.end;
    } else {
      const literal = char === "\\" ? (pattern[at + 1] ?? "") : char;
      tokens.push(oneOf(ignoreCase ? lower(literal) : literal));
      at += char === "\\" ? 2 : 1;
    }
  }
  return tokens;
}

function starTokens(pattern: string, start: number, end: number): Token[] {
  const isAlone =
    end - start > 1 &&
    (start === 0 || pattern[start - 1] === "/") &&
    (end === pattern.length || pattern[end] === "/" || pattern.startsWith("\\/", end));
  if (!isAlone) return [{ kind: "star", crosses: false }];
  if (pattern[end] !== "/") return [{ kind: "star", crosses: true }];
  return [{ kind: "optional" }, { kind: "star", crosses: true }, oneOf("/")];
}

function oneOf(literal: string): Token {
  return { kind: "one", matches: (char) => char === literal };
}

type CharTest = (char: string) => boolean;

/** Parses from after the `[` to after the `]`. */
function readSet(pattern: string, start: number, ignoreCase: boolean): { matches: CharTest; end: number } | null {
  const negated = pattern[start] === "!" || pattern[start] === "^";
  const first = negated ? start + 1 : start;
  const tests: CharTest[] = [];
  for (let at = first; at < pattern.length; ) {
    if (pattern[at] === "]" && at > first) {
      const matches: CharTest = (char) => char !== "/" && tests.some((test) => test(char)) !== negated;
      return { matches, end: at + 1 };
    }
    const item = readClass(pattern, at, ignoreCase) ?? readRange(pattern, at, ignoreCase);
    if (item.test === null) return null;
    tests.push(item.test);
    at = item.end;
  }
  return null;
}

type SetItem = { /** null: the pattern is invalid */ test: CharTest | null; end: number };

const classes: Record<string, RegExp> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the class is exactly these
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /\s/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

function readClass(pattern: string, at: number, ignoreCase: boolean): SetItem | null {
  if (!pattern.startsWith("[:", at)) return null;
  const close = pattern.indexOf("]", at + 2);
  if (close < 0) return { test: null, end: at };
  // without a final colon the bracket is an ordinary character
  if (close - at < 3 || pattern[close - 1] !== ":") return null;
  const name = pattern.slice(at + 2, close - 1);
  const known = Object.hasOwn(classes, name) ? classes[ignoreCase && name === "upper" ? "alpha" : name] : undefined;
  return { test: known === undefined ? null : (char) => known.test(char), end: close + 1 };
}

function readRange(pattern: string, at: number, ignoreCase: boolean): SetItem {
  const low = readLiteral(pattern, at);
  if (low === null) return { test: null, end: at };
  const isRange = pattern[low.end] === "-" && (pattern[low.end + 1] ?? "]") !== "]";
  if (!isRange) return { test: (char) => char === low.char, end: low.end };
  const high = readLiteral(pattern, low.end + 1);
  if (high === null) return { test: null, end: at };
  const within: CharTest = (char) => low.char <= char && char <= high.char;
  return { test: (char) => within(char) || (ignoreCase && within(upper(char))), end: high.end };
}

function readLiteral(pattern: string, at: number): { char: string; end: number } | null {
  const skip = pattern[at] === "\\" ? 1 : 0;
  const char = pattern[at + skip];
  return char === undefined ? null : { char, end: at + skip + 1 };
}

/** ASCII letters only: other characters are bytes here. */
function lower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function upper(text: string): string {
  return text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
}
