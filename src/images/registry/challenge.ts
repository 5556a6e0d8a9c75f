/** Parses `WWW-Authenticate` (RFC 9110, 11.6.1), which is untrusted. */

export type Challenge = { scheme: string /** names in lower case */; parameters: ReadonlyMap<string, string> };

const maxLength = 8192;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const quoted = /^"((?:[^"\\]|\\.)*)"/;
const token68 = /^[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/;

/** In the order of the header; stops at the first part that can't be parsed. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header.slice(0, maxLength).trim();
  let current: Map<string, string> | null = null;
  while (rest !== "") {
    if (rest.startsWith(",")) {
      rest = rest.slice(1).trimStart();
      continue;
    }
    const word = token.exec(rest)?.[0];
    if (word === undefined) return challenges;
    const after = rest.slice(word.length).trimStart();
    const value = current && after.startsWith("=") ? parameterOf(after.slice(1).trimStart()) : null;
    if (current && value) {
      current.set(word.toLowerCase(), value.text);
      rest = value.rest;
      continue;
    }
    current = new Map();
    challenges.push({ scheme: word.toLowerCase(), parameters: current });
    const proof = /^\s/.test(rest.slice(word.length)) ? token68.exec(after)?.[0] : undefined;
    rest =
      proof === undefined || after.slice(proof.length).trimStart().startsWith("=")
        ? after
        : after.slice(proof.length).trimStart();
  }
  return challenges;
}

function parameterOf(text: string): { text: string; rest: string } | null {
  const inQuotes = quoted.exec(text);
  if (inQuotes)
    return { text: (inQuotes[1] ?? "").replace(/\\(.)/g, "$1"), rest: text.slice(inQuotes[0].length).trimStart() };
  const plain = /^[^\s,"]+/.exec(text)?.[0];
  return plain === undefined ? null : { text: plain, rest: text.slice(plain.length).trimStart() };
}
