/**
 * What a table holds, in a form that does not depend on how nft writes rules: chains with their hooks and the number of their rules, sets with
 * their elements. Two tables of the same shape count as the same: what only another root process can change on purpose is not looked for.
 * Pure.
 */
import { recordOf } from "../base/untrusted-json.ts";
import { formatRange, type Range, rangeOf } from "./networks.ts";
import type { NftTable } from "./ruleset.ts";

export type TableShape = {
  /** by name: elements, sorted, without those that rules have added; names of interfaces without quotes */
  sets: Record<string, string[]>;
  /** by name: `filter forward 0 accept`, or an empty text without a hook */
  chains: Record<string, { hook: string; rules: number }>;
};

export function shapeOf({ sets, chains }: NftTable): TableShape {
  const bare = (elements: readonly string[]) => elements.map((element) => element.replaceAll('"', "")).sort();
  const hookOf = (hook: NftTable["chains"][number]["hook"]) =>
    hook ? `${hook.type} ${hook.hook} ${hook.priority} accept` : "";
  return {
    sets: Object.fromEntries(sets.map(({ name, elements = [] }) => [name, bare(elements)])),
    chains: Object.fromEntries(
      chains.map(({ name, hook, rules }) => [name, { hook: hookOf(hook), rules: rules.length }]),
    ),
  };
}

export function sameShape(a: TableShape, b: TableShape): boolean {
  return canonical(a) === canonical(b);
}

function canonical({ sets, chains }: TableShape): string {
  const sorted = (record: object) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(sets), sorted(chains).map(([name, { hook, rules }]) => [name, hook, rules])]);
}

/** @param text of `nft --json list table …`: libnftables-json(5); null when it is not that */
export function readShape(text: string): TableShape | null {
  const shape: TableShape = { sets: {}, chains: {} };
  const rules: string[] = [];
  const objects = objectsOf(text);
  if (!objects) return null;
  for (const { kind, value } of objects) {
    const name = String(value["name"]);
    if (kind === "set") shape.sets[name] = elementsOf(value["elem"]);
    if (kind === "chain") shape.chains[name] = { hook: hookText(value), rules: 0 };
    if (kind === "rule") rules.push(String(value["chain"]));
  }
  for (const chain of rules) {
    const found = shape.chains[chain];
    if (found) found.rules += 1;
  }
  return shape;
}

/** The members of nft's list, each an object with one key; null when it is not JSON of that form. */
export function objectsOf(text: string): { kind: string; value: Record<string, unknown> }[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const list = recordOf(parsed)?.["nftables"];
  if (!Array.isArray(list)) return null;
  return list.flatMap((member) =>
    Object.entries(recordOf(member) ?? {}).flatMap(([kind, value]) => {
      const record = recordOf(value);
      return record ? [{ kind, value: record }] : [];
    }),
  );
}

function hookText({ type, hook, prio, policy }: Record<string, unknown>): string {
  return hook === undefined ? "" : `${type} ${hook} ${prio} ${policy}`;
}

function elementsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [])
    .filter((one) => !isCounted(one))
    .map(elementText)
    .sort();
}

/** Elements that rules add have a count or a rate of their own. */
function isCounted(value: unknown): boolean {
  const elem = recordOf(recordOf(value)?.["elem"]);
  return elem ? "ct count" in elem || "limit" in elem : false;
}

function elementText(value: unknown): string {
  if (typeof value === "string") return value;
  const { concat, prefix, range, elem } = recordOf(value) ?? {};
  if (Array.isArray(concat)) return concat.map(elementText).join(" . ");
  const { addr, len } = recordOf(prefix) ?? {};
  const found = prefix === undefined ? betweenOf(range) : rangeOf(`${addr}/${len}`);
  if (found) return formatRange(found);
  return elem === undefined ? "?" : elementText(recordOf(elem)?.["val"]);
}

function betweenOf(value: unknown): Range | null {
  const [first, last] = (Array.isArray(value) ? value : []).map((address) => rangeOf(String(address)));
  return first && last ? [first[0], last[1]] : null;
}
