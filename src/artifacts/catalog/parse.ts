/** A catalog's text → what it offers, or one error that lists every problem. Pure; the signature was checked before. */
import { parse as parseToml, TomlError } from "smol-toml";
import type { Digest, ImageName } from "../../base/names.ts";
import { type Issue, problemsOf, syntaxProblem } from "../../base/problems.ts";
import { besides } from "../../base/url.ts";
import { type CatalogEntry, type CatalogKind, catalogKinds } from "../../model/catalog.ts";
import { builtInSchema, catalogSchema, keysAt, type RawCatalog, type RawEntry } from "./schema.ts";

export type ParsedCatalog = {
  entries: CatalogEntry[];
  /** Unix time in `ms`; null: it does not say */
  issued: number | null;
  /** Unix time in `ms`; null: never */
  expires: number | null;
};

/** A catalog that can't be used. */
export class CatalogError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join("; "));
    this.name = "CatalogError";
    this.problems = problems;
  }
}

/** @param url where it is from; null: the program's own, which alone may name recipes @throws CatalogError */
export function parseCatalog(bytes: Uint8Array, url: string | null): ParsedCatalog {
  const schema = url === null ? builtInSchema : catalogSchema;
  const result = schema.safeParse(readToml(bytes));
  if (!result.success) throw new CatalogError(problemsOf(result.error.issues as Issue[], { keysAt }));
  const raw = result.data as RawCatalog;
  const [issued, expires] = [timeOf(raw, "issued"), timeOf(raw, "expires")];
  const found = catalogKinds.flatMap((kind) => (raw[kind] ?? []).map((entry, at) => entryOf(kind, entry, at, url)));
  const problems = [...found.filter((one) => typeof one === "string"), ...doubles(raw)];
  if (problems.length > 0) throw new CatalogError(problems.slice(0, 50));
  return { entries: found as CatalogEntry[], issued, expires };
}

/** @returns Unix time in `ms`; null: it is not there @throws CatalogError for a time of day alone */
function timeOf(raw: RawCatalog, key: "issued" | "expires"): number | null {
  const value = raw[key];
  if (value === undefined) return null;
  const ms = Date.parse(value.toISOString());
  if (Number.isNaN(ms)) throw new CatalogError([`${key}: is no date`]);
  return ms;
}

function readToml(bytes: Uint8Array): unknown {
  try {
    return parseToml(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TomlError) throw new CatalogError([syntaxProblem(error)]);
    if (error instanceof TypeError) throw new CatalogError(["it is no UTF-8 text"]);
    throw error;
  }
}

/** @returns the entry, or what is wrong with it */
function entryOf(kind: CatalogKind, raw: RawEntry, at: number, catalog: string | null): CatalogEntry | string {
  const { description = "" } = raw;
  const facts = { kind, name: raw.name as ImageName, description, catalog };
  if ("recipe" in raw) return { ...facts, kernel: null, from: { recipe: raw.recipe } };
  const folder = raw.url.endsWith("/") ? raw.url : `${raw.url}/`;
  const url = catalog === null ? folder : besides(catalog, folder);
  if (url === null) return `${kind}.${at}.url: is no place that this catalog may name`;
  const bundle = { url, digest: `sha256:${raw.sha256}` as Digest, size: raw.size };
  return { ...facts, kernel: (raw.kernel as ImageName | undefined) ?? null, from: { bundle } };
}

function doubles(raw: RawCatalog): string[] {
  return catalogKinds.flatMap((kind) => {
    const names = (raw[kind] ?? []).map((entry) => entry.name);
    const seen = new Set<string>();
    return names.flatMap((name, at) => {
      if (seen.has(name)) return [`${kind}.${at}.name: "${name}" is there twice`];
      seen.add(name);
      return [];
    });
  });
}
