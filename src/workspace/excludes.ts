/** Ignore rules (gitignore(5)) outside the work tree's folders: the user's own and the repository's `info/exclude`. */
import { fail } from "../base/errors/error.ts";
import { lookAt, readBeneath, realPathIfAny } from "../host/files/tree.ts";
import { baseName } from "./names.ts";
import type { OpenRepository } from "./open-repository.ts";

const maxExcludesFile = 1024 * 1024;

/**
 * Files with ignore rules, links followed; the last file wins: the repository's own come after the user's, as in git. A fifo or a device
 * counts as empty.
 * @throws WORKSPACE_GIT when git would stop, because ignored files could be sent otherwise
 */
export function excludeFiles({ repository, settings }: OpenRepository): string[] {
  const files = [settings.excludes, realPathIfAny(`${repository.commonDir}/info/exclude`)];
  return files.flatMap((file) => {
    const kind = file === null ? undefined : lookAt(file)?.kind;
    if (file === null || (kind !== "file" && kind !== "folder")) return [];
    const shown = Buffer.from(file, "latin1").toString("utf8");
    if (kind === "file") return [shown];
    const path = Buffer.from(repository.workTree, "latin1").toString("utf8");
    throw fail("WORKSPACE_GIT", { path, problem: `which files are ignored is not known: ${shown} is a folder` });
  });
}

/** The user's own rules for the guest, without comments, which `git status` needs there; byte text, empty when there are none. */
export function userExcludes({ settings }: OpenRepository): string {
  const file = settings.excludes;
  // a file elsewhere that the repository's untrusted configuration names must not be sent
  if (file === null || settings.outside.includes(file)) return "";
  const lines = readText(file)
    .replace(/^\xef\xbb\xbf/, "")
    .split("\n");
  return lines.flatMap((line) => (/^(?:#|\s*$)/.test(line) ? [] : [`${line}\n`])).join("");
}

function readText(file: string): string {
  try {
    const bytes = readBeneath(file.slice(0, file.lastIndexOf("/")) || "/", baseName(file), maxExcludesFile);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch {
    return "";
  }
}
