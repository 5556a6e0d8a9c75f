/** The tables as nft(8) reads them: one transaction that puts them in place of those that are there, whatever those hold. Pure. */
import { type NftChain, type NftSet, type NftTable, tableName } from "./ruleset.ts";

const families = ["bridge", "inet"] as const;

export function rulesetText(tables: readonly NftTable[]): string {
  return [removalText(), ...tables.map(tableText)].join("");
}

/** Removes both tables; `add` first, because `delete` fails for a table that is not there. */
export function removalText(): string {
  return families.map((family) => `add table ${family} ${tableName}\ndelete table ${family} ${tableName}\n`).join("");
}

function tableText({ family, sets, chains }: NftTable): string {
  return `table ${family} ${tableName} {\n${[...sets.map(setText), ...chains.map(chainText)].join("")}}\n`;
}

function setText({ name, type, isInterval, elements }: NftSet): string {
  const lines = [
    `type ${type}`,
    ...(isInterval ? ["flags interval"] : []),
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
