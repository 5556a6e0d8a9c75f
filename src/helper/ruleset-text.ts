/** The tables as nft(8) reads them: one transaction, after which they are the wanted ones, whatever was there before. Pure. */
import { countSet } from "./flows-table.ts";
import { type NftChain, type NftSet, type NftTable, type TableId, tables } from "./ruleset.ts";

/** the one whose elements the kernel's rules have added, and lose with it */
const kept: TableId = "flows";

/** @param unused addresses that no guest had until now: their connections are those of VMs that are gone */
export function rulesetText(ruleset: readonly NftTable[], unused: readonly string[] = []): string {
  if (ruleset.length === 0) return removalText();
  const ids = Object.keys(tables) as TableId[];
  const removals = ids.filter((id) => id !== kept).map(removal);
  return [...removals, ...ruleset.map(tableText), ...unused.map(forgetText)].join("");
}

/** Removes all tables. */
export function removalText(): string {
  return (Object.keys(tables) as TableId[]).map(removal).join("");
}

/** `add` first, because `delete` fails for a table that is not there. */
function removal(id: TableId): string {
  return `add table ${nameOf(id)}\ndelete table ${nameOf(id)}\n`;
}

function nameOf(id: TableId): string {
  return `${tables[id].family} ${tables[id].name}`;
}

function tableText({ id, sets, chains }: NftTable): string {
  const whole = `table ${nameOf(id)} {\n${[...sets.map(setText), ...chains.map(chainText)].join("")}}\n`;
  if (id !== kept) return whole;
  // rules are added to those that are there
  const empty = chains.map(({ name, hook }) => chainText({ name, hook, rules: [] }));
  const flushes = chains.map(({ name }) => `flush chain ${nameOf(id)} ${name}\n`);
  return [`table ${nameOf(id)} {\n`, ...empty, "}\n", ...flushes, whole].join("");
}

/** A guest's count begins at zero. `add` first, as with tables. */
function forgetText(address: string): string {
  const element = `element ${nameOf(kept)} ${countSet} { ${address} }\n`;
  return `add ${element}delete ${element}`;
}

function setText({ name, type, isInterval, elements = [], filled }: NftSet): string {
  const lines = [
    `type ${type}`,
    ...(isInterval ? ["flags interval"] : []),
    ...(filled ? [`size ${filled.size}`, `flags dynamic${filled.timeout ? ",timeout" : ""}`] : []),
    ...(filled?.timeout ? [`timeout ${filled.timeout}`] : []),
    ...(elements.length > 0 ? [`elements = { ${elements.join(", ")} }`] : []),
  ];
  return block(`set ${name}`, lines);
}

function chainText({ name, hook, rules }: NftChain): string {
  const head = hook ? [`type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`] : [];
  return block(`chain ${name}`, [...head, ...rules]);
}

function block(head: string, lines: readonly string[]): string {
  return `  ${head} {\n${lines.map((line) => `    ${line}\n`).join("")}  }\n`;
}
