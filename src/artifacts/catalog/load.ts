/**
 * One catalog of others: fetched, and believed only with its signature, which is checked before a byte is parsed. The last
 * good one is kept with its signature, for when there is no net; it is checked like a fresh one.
 */
import { createHash, type KeyObject } from "node:crypto";
import { BangerError, fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { ensureFolder, readBytes, readText, writeAtomic } from "../../host/files.ts";
import type { CatalogEntry } from "../../model/catalog.ts";
import type { Paths } from "../../model/paths.ts";
import { readDocument, TooLongError } from "../web/document.ts";
import { type WebDeps, WebError } from "../web/get.ts";
import { CatalogError, parseCatalog } from "./parse.ts";
import { maxKey, maxSignature, parseKey, signatureProblem } from "./signature.ts";

export type CatalogSource = { url: string /** path of the public key */; key: string };

export type LoadDeps = {
  web: WebDeps;
  paths: Pick<Paths, "catalogs" | "catalog">;
  /** for the catalog, and for its signature, in `ms` */
  timeoutMs: number;
};

export type LoadedCatalog = {
  url: string;
  entries: CatalogEntry[];
  /** why the one at the URL is not used */
  failure: BangerError | null;
  /** Unix time in `ms` of the kept copy that is used instead */
  keptSince: number | null;
};

export const maxCatalog = 1024 * 1024;

/** Rejects only with the signal's reason: what is wrong with the catalog stands in the answer. */
export async function loadCatalog(deps: LoadDeps, source: CatalogSource, signal: AbortSignal): Promise<LoadedCatalog> {
  const { url } = source;
  const nothing = { url, entries: [], failure: null, keptSince: null };
  try {
    const key = await readKey(source.key);
    try {
      return { ...nothing, entries: await fetchCatalog(deps, url, key, signal) };
    } catch (error) {
      signal.throwIfAborted();
      const kept = await keptCatalog(deps, url, key);
      return { ...nothing, ...kept, failure: expected(error) };
    }
  } catch (error) {
    signal.throwIfAborted();
    return { ...nothing, failure: expected(error) };
  }
}

/** @throws what is no failure of the catalog's: a bug */
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
  const { web, timeoutMs } = deps;
  const content = await read(url, () => readDocument(web, url, { maxBytes: maxCatalog, timeoutMs }, signal));
  const signature = await readSignature(web, url, timeoutMs, signal);
  const entries = opened(content, signature, url, key, web.now());
  await keep(deps, url, content, signature);
  return entries;
}

async function read<T>(url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooLongError) throw fail("CATALOG_INVALID", { url, problems: [error.problem] }, error);
    throw error instanceof WebError ? fail("CATALOG_UNREACHABLE", { url, problem: error.problem }, error) : error;
  }
}

/** One that is not there is a catalog without a signature; a server that fails is a catalog that can't be had. */
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

/** @throws CATALOG_UNTRUSTED, CATALOG_INVALID, CATALOG_EXPIRED */
function opened(content: Uint8Array, signature: string, url: string, key: KeyObject, now: number): CatalogEntry[] {
  const problem = signatureProblem(content, signature, key);
  if (problem !== null) throw fail("CATALOG_UNTRUSTED", { url, problem });
  try {
    const { entries, expires } = parseCatalog(content, url);
    if (expires === null || expires > now) return entries;
    throw fail("CATALOG_EXPIRED", { url, expired: new Date(expires).toISOString().slice(0, 10) });
  } catch (error) {
    throw error instanceof CatalogError ? fail("CATALOG_INVALID", { url, problems: error.problems }, error) : error;
  }
}

/** In one file, so that both are of one time: signature, when it was fetched, and from the second line on the catalog. */
async function keep({ paths, web }: LoadDeps, url: string, content: Uint8Array, signature: string): Promise<void> {
  if (url.startsWith("file:")) return;
  // without the line breaks that some tools put into base64
  const head = Buffer.from(`${signature.replace(/\s+/g, "")} ${web.now()}\n`);
  // a copy that can't be kept is missed later, if at all
  await ensureFolder(paths.catalogs)
    .then(() => writeAtomic(paths.catalog(idOf(url)), Buffer.concat([head, content])))
    .catch(() => {});
}

async function keptCatalog({ paths, web }: LoadDeps, url: string, key: KeyObject) {
  try {
    const bytes = Buffer.from(await readBytes(paths.catalog(idOf(url)), maxCatalog + 2 * maxSignature));
    const at = bytes.indexOf(0x0a);
    const [signature = "", since] = bytes.toString("latin1", 0, at).split(" ");
    const entries = opened(bytes.subarray(at + 1), signature, url, key, web.now());
    return { entries, keptSince: Number(since) || null };
  } catch {
    return null;
  }
}

function idOf(url: string): Digest {
  return `sha256:${createHash("sha256").update(url).digest("hex")}` as Digest;
}
