/** `FILE:TAG`, as skopeo writes one image of a layout. */
import { exists } from "./files.ts";

/** Split only where there is no file of the whole name, and one of its first part. */
export async function splitTag(path: string): Promise<{ file: string; tag?: string }> {
  const [, file = "", tag = ""] = /^(.+):([\w][\w.-]*)$/.exec(path) ?? [];
  return file === "" || (await exists(path)) || !(await exists(file)) ? { file: path } : { file, tag };
}
