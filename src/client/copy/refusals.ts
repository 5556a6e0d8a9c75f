/** Refusals of the agent and errors of the system, as the failures of a copy. */
import { type BangerError, fail, isError } from "../../base/errors/error.ts";
import { TarError } from "../../formats/tar/header.ts";
import { errnoOf, isDiskFull } from "../../host/errno.ts";
import { PathRefused } from "../../host/files/folder-writer.ts";

/** A refusal ends with the system's error and its text, after a path that may hold anything: `/x: ENOENT: No such file or directory`. */
const systemError = /(?:^|: )(E[A-Z0-9]+)(?:: [A-Za-z0-9 ,'/()-]*)?$/;

/** The name of the system's error in a refusal; null when it is none. */
export function errnoOfRefusal(error: unknown): string | null {
  if (!isError(error, "AGENT_REFUSED")) return null;
  return systemError.exec(String(error.details["reason"]))?.[1] ?? null;
}

const inWords: Record<string, string> = {
  EACCES: "permission denied",
  EDQUOT: "the quota is used up",
  EEXIST: "something else is in its place",
  EFBIG: "the file system takes no file of that size",
  EISDIR: "a folder is in its place",
  ENAMETOOLONG: "the name is too long there",
  ENOSPC: "the disk is full",
  ENOTDIR: "there is a file where a folder is needed",
  ENOTEMPTY: "a folder is in its place",
  EPERM: "the system forbids it",
  EROFS: "the file system is read-only",
};

/** The same text with its system error in plain words. */
export function problemOf(text: string): string {
  return text.replace(systemError, (whole, errno: string) => {
    const start = whole.startsWith(": ") ? ": " : "";
    return inWords[errno] === undefined ? whole : `${start}${inWords[errno]}`;
  });
}

/** What `putTar` throws, as a failure of this copy. @param path what was copied, for people */
export function failedPut(error: unknown, path: string): unknown {
  if (!isError(error, "WORKSPACE_COPY")) return error;
  const { cause } = error;
  if (isError(cause, "SESSION_LOST")) return cause;
  const reason = isError(cause, "AGENT_REFUSED") ? cause.details["reason"] : error.details["problem"];
  const own = error.details["path"];
  const where = cause === undefined && typeof own === "string" ? own : path;
  return fail("COPY_FAILED", { path: where, problem: problemOf(String(reason)) }, error);
}

/** What extracting throws. @param source `VM:PATH` @param target on this host; both for people */
export function failedExtraction(error: unknown, source: string, target: string): unknown {
  if (error instanceof PathRefused || error instanceof TarError) return unsafe(error, source);
  if (isError(error, "AGENT_REFUSED"))
    return fail("COPY_FAILED", { path: source, problem: problemOf(String(error.details["reason"])) }, error);
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (isDiskFull(error)) return fail("DISK_FULL", { path: target, during: `copying ${source}` }, error);
  return fail("COPY_FAILED", { path: source, problem: `${target}: ${problemOf(errno)}` }, error);
}

function unsafe(error: PathRefused | TarError, source: string): BangerError {
  const problem = error instanceof TarError ? error.problem : error.message;
  return fail("COPY_UNSAFE", { path: source, problem }, error);
}
