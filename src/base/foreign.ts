/**
 * Reading JSON that a stranger wrote. A value is taken when it has the wanted type and keeps to the limits, and is nothing otherwise:
 * conversions (`Number`, `String`) would run what the stranger put in their place, or throw.
 */
import { oneLine } from "./display.ts";

/** Null for arrays and everything else that is no object. */
export function recordOf(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** Cut to `maxLength` UTF-16 units and as one line without control characters; null for what is no text. */
export function textOf(value: unknown, maxLength: number): string | null {
  // what is cleaned away may be most of it, but no more than a few times as much is looked at
  return typeof value === "string" ? oneLine(value.slice(0, 4 * maxLength)).slice(0, maxLength) : null;
}

/** Null for what is no whole number from `least` to `most`. */
export function integerOf(value: unknown, least: number, most: number): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most ? value : null;
}

/** The texts among the first `maxCount` members; none for what is no list. */
export function textsOf(value: unknown, maxCount: number, maxLength: number): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, maxCount).flatMap((one) => textOf(one, maxLength) ?? []);
}
