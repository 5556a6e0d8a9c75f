/** `image catalog` and `kernel catalog`: what has a short name. */
import { formatAge, formatSize } from "../base/units.ts";
import type { CatalogItem, CatalogKind, CatalogState } from "../model/catalog.ts";
import type { CliContext } from "./context.ts";
import { table } from "./ui/table.ts";
import { type JsonFlag, print, printJson, remark, running, sinkOf } from "./work.ts";

const header = ["NAME", "SIZE", "HERE", "FROM", "DESCRIPTION"];

/** @param word must be in the name or the description; undefined: all entries */
export async function showCatalog(
  context: CliContext,
  flags: JsonFlag,
  kind: CatalogKind,
  word: string | undefined,
): Promise<void> {
  const sink = sinkOf(context, flags);
  await running(context, flags, async () => {
    const { entries, catalogs } = await context.api.json("listCatalog");
    for (const text of catalogs.flatMap((one) => problemOf(one, context.now())))
      sink.emit({ kind: "note", level: "warn", text });
    const found = entries.filter((entry) => entry.kind === kind && matches(entry, word));
    if (flags.json) return printJson(context, found);
    if (found.length === 0)
      return remark(context, flags, `no ${kind} in the catalogs${word ? ` matches "${word}"` : ""}\n`);
    print(context, table([header, ...found.map(rowOf)]));
  }).finally(() => sink.done());
}

function matches({ name, description }: CatalogItem, word: string | undefined): boolean {
  if (word === undefined) return true;
  return `${name}\n${description}`.toLowerCase().includes(word.toLowerCase());
}

function problemOf({ problem, keptSince }: CatalogState, now: number): string[] {
  if (problem === null) return [];
  const kept = keptSince === null ? "" : `; the copy of ${formatAge(now - keptSince)} ago is shown`;
  return [`${problem.replace(/\s*\n\s*/g, " ")}${kept}`];
}

/** The size of an entry that is built on this host is unknown. */
function rowOf({ name, description, catalog, from, here }: CatalogItem): string[] {
  const size = "bundle" in from ? formatSize(from.bundle.size) : "-";
  const place = "recipe" in from ? "built here" : (catalog ?? "built in");
  return [name, size, here, place, description];
}
