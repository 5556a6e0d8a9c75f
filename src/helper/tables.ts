/** Puts the nftables tables in place, and tells whether the kernel's are the wanted ones. */
import type { Exec } from "../host/process/exec.ts";
import { rulesetOf, type TableId, tables } from "./ruleset.ts";
import { readShape, sameShape, shapeOf, type TableShape } from "./ruleset-shape.ts";
import { removalText, rulesetText } from "./ruleset-text.ts";
import { attempt, run } from "./tools.ts";
import type { Wanted } from "./wanted.ts";

/** null: it is not there */
export type FoundTables = Record<TableId, TableShape | null>;

/** In one transaction: at no time is there a table without its rules. @param unused addresses that no guest had until now */
export async function loadTables(exec: Exec, wanted: Wanted, unused: readonly string[] = []): Promise<void> {
  const load = (text: string) => run(exec, ["nft", "-f", "-"], text);
  const text = rulesetText(rulesetOf(wanted), unused);
  // sets that stay can be another version's, of which nft changes nothing
  await load(text).catch(() => load(removalText() + text));
}

export async function removeTables(exec: Exec): Promise<void> {
  await run(exec, ["nft", "-f", "-"], removalText());
}

export async function findTables(exec: Exec): Promise<FoundTables> {
  const find = async ({ family, name }: (typeof tables)[TableId]) => {
    const { exitCode, output } = await attempt(exec, ["nft", "--json", "list", "table", family, name]);
    return exitCode === 0 ? readShape(output) : null;
  };
  const [bridge, inet, flows] = await Promise.all([find(tables.bridge), find(tables.inet), find(tables.flows)]);
  return { bridge, inet, flows };
}

export function areComplete(found: FoundTables, wanted: Wanted): boolean {
  return rulesetOf(wanted).every((table) => {
    const has = found[table.id];
    return has !== null && sameShape(has, shapeOf(table));
  });
}
