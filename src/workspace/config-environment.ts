/** Git settings from the environment: `GIT_CONFIG_COUNT` (git-config(1)), then what `git -c` passes to the programs that it starts. */
import { byteTextOf } from "../host/files/tree.ts";
import type { ConfigPart } from "./config-read.ts";

type Env = Record<string, string | undefined>;
type Pair = [key: string, value: string];

const maxPairs = 10_000;

/** At most one part; later settings override earlier ones. Pure. */
export function environmentPart(env: Env): ConfigPart[] {
  const pairs = [...counted(env), ...parameters(byteTextOf(env["GIT_CONFIG_PARAMETERS"] ?? ""))];
  const known = pairs.flatMap(([key, value]): Pair[] => {
    const name = canonical(key);
    return name === null ? [] : [[name, value]];
  });
  return known.length > 0 ? [{ scope: "command", pairs: known }] : [];
}

/** `GIT_CONFIG_KEY_0`, `GIT_CONFIG_VALUE_0` and so on. */
function counted(env: Env): Pair[] {
  const count = Math.min(Number(env["GIT_CONFIG_COUNT"] ?? 0) || 0, maxPairs);
  return [...Array(count).keys()].map((i) => [
    byteTextOf(env[`GIT_CONFIG_KEY_${i}`] ?? ""),
    byteTextOf(env[`GIT_CONFIG_VALUE_${i}`] ?? ""),
  ]);
}

/** `GIT_CONFIG_PARAMETERS`: shell-quoted `'KEY'='VALUE'`, `'KEY'=` without a value, or `'KEY=VALUE'` from older gits. */
function parameters(text: string): Pair[] {
  const word = /'(?:[^']|'\\[!']')*'/;
  const setting = new RegExp(`(${word.source})(?:(=)(${word.source})?)?(?: +|$)`, "gy");
  return [...text.trim().matchAll(setting)].slice(0, maxPairs).map(([, first = "", equals, value]): Pair => {
    if (equals !== undefined) return [unquoted(first), value === undefined ? "true" : unquoted(value)];
    const [, key = "", old] = /^([^=]*)(?:=(.*))?$/s.exec(unquoted(first)) ?? [];
    return [key.trim(), old ?? "true"];
  });
}

/** Like git's sq_dequote(): the text between the outer quotes, where `'\''` is a quote and `'\!'` an exclamation mark. */
function unquoted(word: string): string {
  return word.slice(1, -1).replaceAll(/'\\([!'])'/g, "$1");
}

/** Section and name in lower case, the subsection unchanged; null when it is not a key. */
function canonical(key: string): string | null {
  const parts = /^([^.]+)(.*)\.([^.]+)$/s.exec(key);
  if (parts === null) return null;
  const [, section = "", middle = "", name = ""] = parts;
  return `${section.toLowerCase()}${middle}.${name.toLowerCase()}`;
}
