/** All catalogs: those in the config, in order, then the built-in one. The first with a name decides. */
import type { BangerError } from "../../base/errors/error.ts";
import { type CatalogEntry, type CatalogKind, catalogKinds } from "../../model/catalog.ts";
import { builtInEntries } from "./built-in.ts";
import { type CatalogSource, type LoadDeps, type LoadedCatalog, loadCatalog } from "./load.ts";

export type CatalogsDeps = LoadDeps & { sources(): Promise<readonly CatalogSource[]> };

export type Lookup = {
  entry: CatalogEntry | null;
  /**
   * of catalogs that were not available or came from a kept copy; after one with the entry, later ones are not listed
   */
  failures: { error: BangerError; keptSince: number | null }[];
};

export class Catalogs {
  readonly #deps: CatalogsDeps;
  readonly #names = new Map<CatalogKind, readonly string[]>();

  constructor(deps: CatalogsDeps) {
    this.#deps = deps;
    this.#remember(builtInEntries());
  }

  /** All entries; an entry whose name is in an earlier catalog is left out. Never rejects because of a catalog. */
  async look(signal: AbortSignal): Promise<{ entries: CatalogEntry[]; catalogs: LoadedCatalog[] }> {
    const sources = await this.#deps.sources();
    const catalogs = await Promise.all(sources.map((source) => loadCatalog(this.#deps, source, signal)));
    const first = new Map<string, CatalogEntry>();
    for (const entry of [...catalogs.flatMap(({ entries }) => entries), ...builtInEntries()]) {
      const key = `${entry.kind} ${entry.name}`;
      if (!first.has(key)) first.set(key, entry);
    }
    const entries = [...first.values()];
    this.#remember(entries);
    return { entries, catalogs };
  }

  async find(kind: CatalogKind, name: string, signal: AbortSignal): Promise<Lookup> {
    const { entries, catalogs } = await this.look(signal);
    const entry = entries.find((one) => one.kind === kind && one.name === name) ?? null;
    const at = catalogs.findIndex(({ url }) => url === entry?.catalog);
    const asked = at < 0 ? catalogs : catalogs.slice(0, at + 1);
    return {
      entry,
      failures: asked.flatMap(({ failure, keptSince }) => (failure ? [{ error: failure, keptSince }] : [])),
    };
  }

  /** The names seen so far: at least the built-in ones. */
  names(kind: CatalogKind): readonly string[] {
    return this.#names.get(kind) ?? [];
  }

  #remember(entries: readonly CatalogEntry[]): void {
    for (const kind of catalogKinds)
      this.#names.set(
        kind,
        entries.filter((entry) => entry.kind === kind).map((entry) => entry.name),
      );
  }
}
