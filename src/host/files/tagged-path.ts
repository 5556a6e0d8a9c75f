/** `FILE:TAG`, skopeo's notation for one image of a layout. */
import { exists } from "./files.ts";

/** Splits only if there is no file with the whole name, but one with its first part. */
export async function splitTag(path: string): Promise<{ file: string; tag?: string }> {
  const [, file = "", tag = ""] = /^(.+):([\w][\w.-]*)$/.exec(path) ?? [];
  return file === "" || (await exists(path)) || !(await exists(file)) ? { file: path } : { file, tag };
}
