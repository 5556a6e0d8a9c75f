/** A bundle's `manifest.json`: its content, and the digests of its files. Documented in `docs/image-catalog.md`. */
import * as z from "zod/mini";
import { type Digest, isDigest } from "../../base/names.ts";
import { type Issue, problemsOf } from "../../base/problems.ts";
import { stripControl } from "../../base/text.ts";

/** A file of a bundle: a tar, compressed with zstd. */
export type BundleFile = {
  /** name, beside the manifest */
  file: string;
  digest: Digest;
  /** bytes */
  size: number;
  /** when unpacked */
  tar: { digest: Digest; size: number };
};

/** A bundle that can't be used. `problem` is a clause. */
export class BundleError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "BundleError";
    this.problem = problem;
  }
}

export const maxManifest = 1024 * 1024;

const sha256 = z.string().check(z.refine((text) => isDigest(`sha256:${text}`), "is not a sha256"));
const bytes = z.int().check(z.gte(0));

export const fileSchema = z.strictObject({
  file: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "is not a file name")),
  sha256,
  size: bytes,
  tar: z.strictObject({ sha256, size: bytes }),
});

/** Fields of every manifest. */
export const common = {
  format: z.literal(1, "is for another version of banger"),
  architecture: z.literal("amd64", "is not amd64"),
  created: z.string().check(z.maxLength(64)),
};

export function fileOf({ file, sha256: sum, size, tar }: z.infer<typeof fileSchema>): BundleFile {
  return {
    file,
    digest: `sha256:${sum}` as Digest,
    size,
    tar: { digest: `sha256:${tar.sha256}` as Digest, size: tar.size },
  };
}

/** The reverse: as written to the manifest. */
export function rawFile({ file, digest, size, tar }: BundleFile): z.infer<typeof fileSchema> {
  const hex = (one: Digest) => one.slice("sha256:".length);
  return { file, sha256: hex(digest), size, tar: { sha256: hex(tar.digest), size: tar.size } };
}

/** @throws BundleError naming the first problem */
export function parseManifest<T>(content: Uint8Array, schema: z.ZodMiniType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch {
    throw new BundleError("its manifest is not JSON");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [problem = ""] = problemsOf(parsed.error.issues as Issue[], { keysAt: () => [] });
  throw new BundleError(`its manifest is invalid: ${stripControl(problem).slice(0, 200)}`);
}
