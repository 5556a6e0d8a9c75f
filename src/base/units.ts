/** Sizes and ages as people write and read them. Sizes are binary: `1G` is 1024³ bytes, with any style of suffix. */

const steps = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes of `2G`, `512M`, `1.5GiB`, `100kb`, `4096B`; null for anything else, also for a number without a unit. */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?(?:([kmgt])(?:i?b)?|b)$/i.exec(text.trim());
  if (match === null) return null;
  const power = match[2] === undefined ? 0 : "kmgt".indexOf(match[2].toLowerCase()) + 1;
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/**
 * `8 GiB`, `1.5 MiB`, `312 B`: the largest unit that keeps the number at 1 or more.
 * @param digits fixed number of decimals; omitted: one, or none when it would be 0
 */
export function formatSize(bytes: number, digits?: number): string {
  let step = 0;
  let value = Math.max(0, bytes);
  while (step < steps.length - 1 && Number(value.toFixed(digits ?? 1)) >= 1024) {
    value /= 1024;
    step += 1;
  }
  const shown = step === 0 ? String(Math.round(value)) : value.toFixed(digits ?? 1);
  return `${digits === undefined ? shown.replace(/\.0$/, "") : shown} ${steps[step]}`;
}

const durations: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `ms` of `500ms`, `30s`, `10m`, `2h`, `1d`; null for anything else. */
export function parseDuration(text: string): number | null {
  const [, number, unit] = /^(\d{1,6})(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  return number === undefined ? null : Number(number) * (durations[unit ?? ""] ?? 0);
}

/** The inverse of `parseDuration`: `90s`, `30m`, `2h`, in the largest unit that needs no fraction. */
export function durationText(ms: number): string {
  const units = Object.entries(durations).toReversed();
  const [unit, length] = units.find(([, one]) => ms % one === 0) ?? ["ms", 1];
  return `${ms / length}${unit}`;
}

const ages: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** `12s`, `5m`, `3h`, `41d`: whole units, rounded down; below one second `0s`. */
export function formatAge(ms: number): string {
  for (const [unit, length] of ages) if (ms >= length) return `${Math.floor(ms / length)}${unit}`;
  return "0s";
}
