/** Ignore rules (gitignore(5)) that are in no folder of the work tree: the user's own and the repository's `info/exclude`. */
import { fail } from "../base/errors/error.ts";
import { lookAt, readBeneath, realPathIfAny } from "../host/files/tree.ts";
import { baseName } from "./names.ts";
import type { OpenRepository } from "./open-repository.ts";

const maxExcludesFile = 1024 * 1024;

/**
 * Files with rules, links followed, the one that decides last: the repository's own come after the user's, as git has them.
 * A fifo or a device has none.
 * @throws WORKSPACE_GIT where git would stop, as ignored files might be sent
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

/** The user's own rules for the guest, without comments, which `git status` there needs; byte text, empty where there are none. */
export function userExcludes({ settings }: OpenRepository): string {
  const file = settings.excludes;
  // a file elsewhere that the stranger's configuration names is nothing to send
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
