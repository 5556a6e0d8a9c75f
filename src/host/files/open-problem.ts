/** Whether this process may open a device, where only a try can say. */
import { closeSync, openSync } from "node:fs";
import { errnoOf } from "../errno.ts";

/** Opens the path for reading and writing and closes it at once. @returns errno(3)'s name, as `EACCES`; null: it can be opened */
export function openProblem(path: string): string | null {
  try {
    closeSync(openSync(path, "r+"));
    return null;
  } catch (error) {
    return errnoOf(error) ?? "unknown error";
  }
}
