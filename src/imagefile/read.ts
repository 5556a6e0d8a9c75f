/**
 * Reads an image file and checks the files it refers to: every problem on this side is reported before a VM is made.
 */
import { dirname, resolve } from "node:path";
import { BangerError } from "../base/errors/error.ts";
import { readText } from "../host/files/files.ts";
import { byteTextOf, realPath } from "../host/files/tree.ts";
import { planFile } from "./files.ts";
import { guestPathProblem, invalid, parseImageFile } from "./parse.ts";
import type { BuildPlan, FilePlan } from "./plan.ts";

const maxBytes = 1024 * 1024;

/** @param path as the user typed it @throws IMAGE_FILE_INVALID */
export async function readImageFile(path: string, folder: string): Promise<BuildPlan> {
  const file = resolve(folder, path);
  const parsed = parseImageFile(path, await textOf(file, path));
  const root = realPath(byteTextOf(dirname(file)));
  const problems: string[] = [];
  const files = parsed.files.map((one, at) => planFile(root, one, at, problems));
  problems.push(...files.flatMap(lostFiles));
  if (problems.length > 0) throw invalid(path, problems);
  return { ...parsed, files };
}

/** Files in a folder that images don't keep; the folder's own path was checked before. */
function lostFiles({ path, entries }: FilePlan, at: number): string[] {
  const parent = path.slice(0, path.lastIndexOf("/"));
  const lost = entries.slice(1).flatMap((entry) => guestPathProblem(`${parent}/${entry.path}`) ?? []);
  return [...new Set(lost)].map((problem) => `files.${at}.source: ${problem}`);
}

async function textOf(file: string, path: string): Promise<string> {
  try {
    return await readText(file, maxBytes);
  } catch (error) {
    throw invalid(path, [whyUnreadable(error)], "check its spelling and permissions");
  }
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder, not a file",
  EACCES: "reading it is not permitted",
  ENOTDIR: "a part of its path is a file",
};

function whyUnreadable(error: unknown): string {
  const code = String((error as { code?: unknown } | null)?.code);
  if (error instanceof BangerError) return `it ${String(error.details["problem"])}`;
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
