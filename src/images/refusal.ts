/** What the parsers of untrusted bytes say, as the errors that a user sees. */
import { CompressionError } from "../artifacts/decompress.ts";
import { SquashfsError } from "../artifacts/squashfs/reader.ts";
import { TarError } from "../artifacts/tar/header.ts";
import { fail } from "../base/errors/error.ts";
import { formatSize } from "../base/units.ts";
import type { Budget } from "./layer/reading.ts";
import { TooLargeError } from "./layer/reading.ts";
import { WrongDiffId } from "./layers.ts";
import { ManifestError } from "./oci/manifest.ts";

/** Runs `work`; what it finds wrong with the image becomes IMAGE_INVALID or IMAGE_TOO_LARGE. @param name for messages */
export async function refusing<T>(name: string, budget: Budget, work: () => Promise<T>): Promise<T> {
  const limit = formatSize(budget.bytes);
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooLargeError) throw fail("IMAGE_TOO_LARGE", { name, limit }, error);
    const problem = problemOf(error);
    throw problem === null ? error : fail("IMAGE_INVALID", { name, problem }, error as Error);
  }
}

function problemOf(error: unknown): string | null {
  if (error instanceof WrongDiffId) return error.message;
  const kinds = [TarError, CompressionError, ManifestError, SquashfsError];
  return kinds.some((kind) => error instanceof kind) ? (error as TarError).problem : null;
}
