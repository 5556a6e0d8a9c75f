/** The schema of a catalog file. `docs/image-catalog.md` documents it. */
import * as z from "zod/mini";
import { isDigest } from "../../base/names.ts";
import { isCatalogName } from "../../base/reference.ts";
import { stripControl } from "../../base/text.ts";

const maxEntries = 2000;

const name = z.string().check(z.refine(isCatalogName, { error: 'must be a name, as in `name = "debian-tools"`' }));
const textRule = "must be one line of at most 200 characters";
const text = z.string({ error: textRule }).check(
  z.refine((value) => value.length <= 200 && stripControl(value) === value && !/[\n\t]/.test(value), {
    error: textRule,
  }),
);
const sha256 = z
  .string()
  .check(
    z.refine((value) => isDigest(`sha256:${value}`), { error: "must be 64 hex digits, as sha256sum prints them" }),
  );
const bytes = z
  .number()
  .check(z.refine((value) => Number.isSafeInteger(value) && value > 0, { error: "must be a number of bytes" }));
const url = z.string().check(z.minLength(1), z.maxLength(2048));

const bundle = { name, description: z.optional(text), url, sha256, size: bytes };
const imageEntry = z.strictObject({ ...bundle, kernel: z.optional(name) });
const kernelEntry = z.strictObject(bundle);
const recipeEntry = z.strictObject({ name, description: z.optional(text), recipe: text });

const format = z.literal(1, { error: "must be 1: this catalog is for another version of banger" });
const time = (example: string) => z.optional(z.date({ error: `must be a date, as in \`${example}\`` }));
const issued = time("issued = 2029-12-01T00:00:00Z");
const expires = time("expires = 2030-01-31T00:00:00Z");

/** Of configured catalogs. */
export const catalogSchema = z.strictObject({
  format,
  issued,
  expires,
  image: listOf(imageEntry),
  kernel: listOf(kernelEntry),
});

/** Of the built-in catalog. */
export const builtInSchema = z.strictObject({
  format,
  image: listOf(z.union([imageEntry, recipeEntry])),
  kernel: listOf(z.union([kernelEntry, recipeEntry])),
});

export type RawEntry =
  | { name: string; description?: string; url: string; sha256: string; size: number; kernel?: string }
  | { name: string; description?: string; recipe: string };
export type RawCatalog = { format: 1; issued?: Date; expires?: Date; image?: RawEntry[]; kernel?: RawEntry[] };

/** The valid keys of the table at `path`, for "did you mean". */
export function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return Object.keys(catalogSchema.shape);
  return Object.keys((path[0] === "kernel" ? kernelEntry : imageEntry).shape);
}

function listOf<T extends z.ZodMiniType>(entry: T) {
  const error = "must be tables, as in `[[image]]`";
  return z.optional(
    z.array(entry, { error }).check(z.maxLength(maxEntries, { error: `has more than ${maxEntries} entries` })),
  );
}
