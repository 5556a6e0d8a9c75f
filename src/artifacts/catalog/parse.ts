/** Parses a catalog: its entries, or one error with every problem. Pure; the signature was checked before. */
import { parse as parseToml, TomlError } from "smol-toml";
import type { Digest, ImageName } from "../../base/names.ts";
import { type Issue, problemsOf, syntaxProblem } from "../../base/problems.ts";
import { besides } from "../../base/url.ts";
import { type CatalogEntry, type CatalogKind, catalogKinds } from "../../model/catalog.ts";
import { builtInSchema, catalogSchema, keysAt, type RawCatalog, type RawEntry } from "./schema.ts";

export type ParsedCatalog = {
  entries: CatalogEntry[];
  /** Unix time in `ms`; null if not given */
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

/**
 * @param url where it was downloaded; null for the built-in one, the only one that can list recipes @throws
 * CatalogError
 */
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

/** @returns Unix time in `ms`; null if absent @throws CatalogError for a time without a date */
function timeOf(raw: RawCatalog, key: "issued" | "expires"): number | null {
  const value = raw[key];
  if (value === undefined) return null;
  const ms = Date.parse(value.toISOString());
  if (Number.isNaN(ms)) throw new CatalogError([`${key}: is not a date`]);
  return ms;
}

function readToml(bytes: Uint8Array): unknown {
  try {
    return parseToml(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TomlError) throw new CatalogError([syntaxProblem(error)]);
    if (error instanceof TypeError) throw new CatalogError(["it is not UTF-8 text"]);
    throw error;
  }
}

/** @returns the entry, or a problem with it */
function entryOf(kind: CatalogKind, raw: RawEntry, at: number, catalog: string | null): CatalogEntry | string {
  const { description = "" } = raw;
  const facts = { kind, name: raw.name as ImageName, description, catalog };
  if ("recipe" in raw) return { ...facts, kernel: null, from: { recipe: raw.recipe } };
  const folder = raw.url.endsWith("/") ? raw.url : `${raw.url}/`;
  const url = catalog === null ? folder : besides(catalog, folder);
  if (url === null) return `${kind}.${at}.url: is not an address that this catalog can refer to`;
  const bundle = { url, digest: `sha256:${raw.sha256}` as Digest, size: raw.size };
  return { ...facts, kernel: (raw.kernel as ImageName | undefined) ?? null, from: { bundle } };
}

function doubles(raw: RawCatalog): string[] {
  return catalogKinds.flatMap((kind) => {
    const names = (raw[kind] ?? []).map((entry) => entry.name);
    const seen = new Set<string>();
    return names.flatMap((name, at) => {
      if (seen.has(name)) return [`${kind}.${at}.name: "${name}" occurs twice`];
      seen.add(name);
      return [];
    });
  });
}
