/** Sizes, digests and damage of images and kernels, as tables show them. */
import { Exit } from "../../base/exit.ts";
import type { ContentProblem, ImageRecord } from "../../model/artifact.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, remark } from "../work.ts";

/** bytes of all layers on disk */
export function imageBytes(image: ImageRecord): number {
  return image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
}

/** As much of a digest as people compare. */
export function shortDigest(digest: string): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

type Content = { problem: ContentProblem | null };

/** Shown in place of a size. */
export const damaged = "damaged";

/** Prints each problem and what to type about it, on stderr as notes are. */
export function warnOfDamage(context: CliContext, flags: JsonFlag, all: readonly Content[]): void {
  const problems = new Map(all.flatMap(({ problem }) => (problem ? [[problem.message, problem.hint]] : [])));
  for (const [message, hint] of problems) remark(context, flags, `warning: ${message}\nhint: ${hint}\n`);
}

/** A row that says whether the files are complete. `verified`: all of them were read. */
export function stateRow({ problem }: Content, verified: boolean): readonly [string, string] {
  if (problem) return ["state", damaged];
  return ["state", verified ? "complete, verified" : "complete by size; --verify reads all of it"];
}

/** @returns the exit code: damage is a failure only if it was looked for */
export function reportDamage(context: CliContext, flags: JsonFlag, content: Content, verified: boolean): number {
  warnOfDamage(context, flags, [content]);
  return content.problem && verified ? Exit.Failure : Exit.Ok;
}
