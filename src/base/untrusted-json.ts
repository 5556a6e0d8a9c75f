/**
 * Reading untrusted JSON. A value counts when it has the wanted type and is within the limits; otherwise the result is null.
 * Conversions (`Number`, `String`) would call functions of the value, or throw.
 */
import { oneLine } from "./untrusted-text.ts";

/** Null for text that is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Null for arrays and everything else that is not an object. */
export function recordOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** Cut to `maxLength` UTF-16 units and made one line without control characters; null unless it is a string. */
export function textOf(value: unknown, maxLength: number): string | null {
  // cleaning may remove most of the text, but no more than a few times the length is looked at
  return typeof value === "string" ? oneLine(value.slice(0, 4 * maxLength)).slice(0, maxLength) : null;
}

/** Null unless it is a whole number from `least` to `most`. */
export function integerOf(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most ? value : null;
}

/** The strings among the first `maxCount` members; empty unless it is an array. */
export function textsOf(value: unknown, maxCount: number, maxLength: number): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxCount).flatMap((one) => textOf(one, maxLength) ?? []);
}
