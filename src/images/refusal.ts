/** Turns errors of the parsers of untrusted bytes into errors for users. */
import { CompressionError } from "../artifacts/decompress.ts";
import { fail } from "../base/errors/error.ts";
import { formatSize } from "../base/units.ts";
import { SquashfsError } from "../formats/squashfs/reader.ts";
import { TarError } from "../formats/tar/header.ts";
import type { Budget } from "./layer/reading.ts";
import { TooLargeError } from "./layer/reading.ts";
import { WrongDiffId } from "./layers.ts";
import { ImageProblem } from "./problem.ts";

/** Runs `work`; problems with the image become IMAGE_INVALID or IMAGE_TOO_LARGE. @param name for messages */
export async function refusing<T>(name: string, budget: Budget, work: () => Promise<T>): Promise<T> {
  const limit = formatSize(budget.bytes);
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooLargeError) throw fail("IMAGE_TOO_LARGE", { name, limit }, error);
    const found = problemOf(error);
    throw found === null ? error : fail("IMAGE_INVALID", { name, ...found }, error as Error);
  }
}

function problemOf(error: unknown): { problem: string; next?: string } | null {
  if (error instanceof WrongDiffId) return { problem: error.message };
  if (error instanceof ImageProblem) {
    const { problem, next } = error;
    return next === null ? { problem } : { problem, next };
  }
  const kinds = [TarError, CompressionError, SquashfsError];
  return kinds.some((kind) => error instanceof kind) ? { problem: (error as TarError).problem } : null;
}
