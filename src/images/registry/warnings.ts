/**
 * Warnings that a registry sends to its users (OCI distribution specification 1.1, "Warnings": `Warning: 299 -
 * "text"`).
 */
import { oneLine } from "../../base/untrusted-text.ts";

const warning = /(?:^|,)\s*299 \S+ "((?:[^"\\]|\\.)*)"/g;
const maxLength = 4096;
const maxWarnings = 5;

/** At most five lines of at most 300 characters, safe to print. */
export function warningsIn(header: string | null): string[] {
  if (header === null) return [];
  return [...header.slice(0, maxLength).matchAll(warning)]
    .slice(0, maxWarnings)
    .map(([, text = ""]) => oneLine(text.replace(/\\(.)/g, "$1")).slice(0, 300))
    .filter((text) => text.trim() !== "");
}
