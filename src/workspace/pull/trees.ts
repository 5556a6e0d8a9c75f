/** The files of a commit. */
import { nulSeparated } from "../listing.ts";
import type { OpenRepository } from "../open-repository.ts";
import { AnswerError } from "./answer.ts";
import { type Files, isTreeMode, type TreeFile } from "./sent.ts";

export const mostFiles = 1_000_000;

/** @param gitlinks gets the paths of submodules @throws AnswerError */
export async function filesOf(
  { git }: OpenRepository,
  oid: string,
  gitlinks: Set<string>,
  most: number,
): Promise<Files> {
  const { stdout } = await git(["ls-tree", "-r", "-z", "--full-tree", oid]);
  return parseFiles(stdout, gitlinks, most);
}

/** Parses `ls-tree -r -z`; submodules go into `gitlinks`. @throws AnswerError */
export function parseFiles(stdout: Uint8Array, gitlinks: Set<string>, most: number): Map<string, TreeFile> {
  const files = new Map<string, TreeFile>();
  for (const line of nulSeparated(stdout)) {
    const match = /^([0-7]{6}) (\w+) ([0-9a-f]{40,64})\t(.+)$/s.exec(line);
    const [, mode = "", type, oid = "", path = ""] = match ?? [];
    if (type === "commit") gitlinks.add(path);
    else if (match === null || !isTreeMode(mode)) throw new AnswerError(`a file of its has the mode ${mode}`);
    else files.set(path, { mode, oid });
    if (files.size > most) throw new AnswerError(`it has more than ${most} files`);
  }
  return files;
}
