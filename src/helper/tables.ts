/** Puts the nftables tables in place, and tells whether the kernel's are the wanted ones. */
import type { Exec } from "../host/process/exec.ts";
import { rulesetOf, tableName } from "./ruleset.ts";
import { readShape, sameShape, shapeOf, type TableShape } from "./ruleset-shape.ts";
import { removalText, rulesetText } from "./ruleset-text.ts";
import { attempt, run } from "./tools.ts";
import type { Wanted } from "./wanted.ts";

export type FoundTables = { bridge: TableShape | null; inet: TableShape | null };

/** In one transaction: at no time is there a table without its rules. */
export async function loadTables(exec: Exec, wanted: Wanted): Promise<void> {
  await run(exec, ["nft", "-f", "-"], rulesetText(rulesetOf(wanted)));
}

export async function removeTables(exec: Exec): Promise<void> {
  await run(exec, ["nft", "-f", "-"], removalText());
}

export async function findTables(exec: Exec): Promise<FoundTables> {
  const find = async (family: string) => {
    const { exitCode, output } = await attempt(exec, ["nft", "--json", "list", "table", family, tableName]);
    return exitCode === 0 ? readShape(output) : null;
  };
  const [bridge, inet] = await Promise.all([find("bridge"), find("inet")]);
  return { bridge, inet };
}

export function areComplete(found: FoundTables, wanted: Wanted): boolean {
  return rulesetOf(wanted).every((table) => {
    const has = found[table.family];
    return has !== null && sameShape(has, shapeOf(table));
  });
}
