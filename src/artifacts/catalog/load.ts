/**
 * Loads one configured catalog: downloads it and checks its signature before parsing anything. The last good copy is
 * kept with its signature, for use offline and to reject older ones.
 */
import type { KeyObject } from "node:crypto";
import { BangerError, fail } from "../../base/errors/error.ts";
import { readText } from "../../host/files/files.ts";
import type { CatalogEntry } from "../../model/catalog.ts";
import type { Paths } from "../../model/paths.ts";
import { readDocument, TooLongError } from "../web/document.ts";
import { type WebDeps, WebError } from "../web/get.ts";
import { keepCatalog, keptPath, maxCatalog, readKept } from "./kept.ts";
import { whyOlder } from "./rollback.ts";
import { maxKey, maxSignature, parseKey } from "./signature.ts";
import { openSigned, requireUnexpired } from "./trust.ts";

export type CatalogSource = { url: string /** path of the public key */; key: string };

export type LoadDeps = {
  web: WebDeps;
  paths: Pick<Paths, "catalogs" | "catalog">;
  /** for the catalog and again for its signature, in `ms` */
  timeoutMs: number;
};

export type LoadedCatalog = {
  url: string;
  entries: CatalogEntry[];
  /** why the catalog at the URL is not used */
  failure: BangerError | null;
  /** when the kept copy that is used instead was downloaded, Unix time in `ms` */
  keptSince: number | null;
};

/** Rejects only with the signal's reason; problems with the catalog are in the result. */
export async function loadCatalog(deps: LoadDeps, source: CatalogSource, signal: AbortSignal): Promise<LoadedCatalog> {
  const { url } = source;
  const nothing = { url, entries: [], failure: null, keptSince: null };
  try {
    const key = await readKey(source.key);
    try {
      return { ...nothing, entries: await fetchCatalog(deps, url, key, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const kept = await keptCopy(deps, url, key);
      return { ...nothing, ...kept, failure: expected(error) };
    }
  } catch (error) {
    signal.throwIfAborted();
    return { ...nothing, failure: expected(error) };
  }
}

/** @throws anything that is not a failure of the catalog: a bug */
function expected(error: unknown): BangerError {
  if (error instanceof BangerError) return error;
  throw error;
}

async function readKey(path: string): Promise<KeyObject> {
  const pem = await readText(path, maxKey).catch((error: unknown) => {
    const { code } = error as { code?: string };
    throw fail("CATALOG_KEY_INVALID", {
      path,
      problem: code === "ENOENT" ? "there is no such file" : "it can't be read",
    });
  });
  const key = parseKey(pem);
  if ("problem" in key) throw fail("CATALOG_KEY_INVALID", { path, problem: key.problem });
  return key;
}

async function fetchCatalog(deps: LoadDeps, url: string, key: KeyObject, signal: AbortSignal): Promise<CatalogEntry[]> {
  const { web, paths, timeoutMs } = deps;
  const content = await read(url, () => readDocument(web, url, { maxBytes: maxCatalog, timeoutMs }, signal));
  const signature = await readSignature(web, url, timeoutMs, signal);
  const served = openSigned(content, signature, url, key);
  requireUnexpired(served, url, web.now());
  const kept = await readKept(paths, url, key);
  const problem = kept && whyOlder(served, kept.catalog);
  if (problem) throw fail("CATALOG_OLDER", { url, problem, kept: keptPath(paths, url) });
  await keepCatalog(paths, url, { content, signature, now: web.now() });
  return served.entries;
}

/** The kept copy, if the catalog can't be downloaded or is not trusted; null if there is none or it has expired. */
async function keptCopy({ paths, web }: LoadDeps, url: string, key: KeyObject) {
  const kept = await readKept(paths, url, key);
  if (kept === null) return null;
  const { entries, expires } = kept.catalog;
  return expires !== null && expires <= web.now() ? null : { entries, keptSince: kept.since };
}

async function read<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooLongError) throw fail("CATALOG_INVALID", { url, problems: [error.problem] }, error);
    throw error instanceof WebError ? fail("CATALOG_UNREACHABLE", { url, problem: error.problem }, error) : error;
  }
}

/** A missing signature means an unsigned catalog; a failing server means that the catalog is not available. */
async function readSignature(web: WebDeps, url: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
  try {
    const bytes = await readDocument(web, `${url}.sig`, { maxBytes: maxSignature, timeoutMs }, signal);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    if (!(error instanceof WebError)) throw error;
    if (error.again) throw fail("CATALOG_UNREACHABLE", { url, problem: `its signature: ${error.problem}` }, error);
    throw fail("CATALOG_UNTRUSTED", { url, problem: `it has no signature: ${error.problem}` }, error);
  }
}
