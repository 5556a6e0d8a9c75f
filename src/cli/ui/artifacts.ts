/** Sizes and digests of images and kernels, as tables show them. */
import { Exit } from "../../base/exit.ts";
import type { ContentProblem, ImageRecord } from "../../model/artifact.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, remark } from "../work.ts";

/** bytes of all layers on disk */
export function imageBytes(image: ImageRecord): number {
  return image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
}

/** As much of a digest as a person compares. */
export function shortDigest(digest: string): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

type Content = { problem: ContentProblem | null };

/** In place of a size. */
export const damaged = "damaged";

/** What is wrong with each, and what to type: on stderr, as notes are. */
export function warnOfDamage(context: CliContext, flags: JsonFlag, all: readonly Content[]): void {
  const problems = new Map(all.flatMap(({ problem }) => (problem ? [[problem.message, problem.hint]] : [])));
  for (const [message, hint] of problems) remark(context, flags, `warning: ${message}\nhint: ${hint}\n`);
}

/** Whether the files are whole, as a row; `verified` when all of them was read. */
export function stateRow({ problem }: Content, verified: boolean): readonly [string, string] {
  if (problem) return ["state", damaged];
  return ["state", verified ? "whole, verified" : "whole, as far as sizes show; --verify reads all of it"];
}

/** @returns the exit code: damage that was looked for is a failure */
export function toldDamage(context: CliContext, flags: JsonFlag, content: Content, verified: boolean): number {
  warnOfDamage(context, flags, [content]);
  return content.problem && verified ? Exit.Failure : Exit.Ok;
}
