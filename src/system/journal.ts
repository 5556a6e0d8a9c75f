/**
 * What was in the place of each step before an install began, written before its first change and removed after its last: the next
 * install after one that was killed goes on, and would put back what was there before both.
 */
import { integerOf, parsedJson, recordOf } from "../base/untrusted-json.ts";
import { readTextIfAny } from "../host/files/files.ts";
import type { Found } from "../host/files/placed.ts";

/** by path */
export type Formers = Record<string, Found>;

/** bytes: two units, the metadata, and a few links */
const maxJournal = 256 * 1024;

const schema = 1;

export function formatJournal(formers: Formers): string {
  return `${JSON.stringify({ schema, formers })}\n`;
}

/** Of an install that was interrupted; null without one, and where it can't be read (by an ordinary user). */
export async function readJournal(path: string): Promise<Formers | null> {
  const text = await readTextIfAny(path, maxJournal).catch(() => null);
  return text === null ? null : parseJournal(text);
}

/** Null for anything that is not a whole journal. */
export function parseJournal(text: string): Formers | null {
  const found = recordOf(parsedJson(text));
  const formers = found?.["schema"] === schema ? recordOf(found["formers"]) : null;
  if (!formers) return null;
  const read = Object.entries(formers).map(([path, value]) => [path, foundOf(value)] as const);
  return read.every(([path, value]) => path.startsWith("/") && value !== null)
    ? (Object.fromEntries(read) as Formers)
    : null;
}

function foundOf(value: unknown): Found | null {
  const { kind, text, mode, target } = recordOf(value) ?? {};
  if (kind === "nothing" || kind === "folder") return { kind };
  if (kind === "link") return typeof target === "string" && target !== "" ? { kind, target } : null;
  const bits = integerOf(mode, 0, 0o7777);
  return kind === "file" && typeof text === "string" && bits !== null ? { kind, text, mode: bits } : null;
}
