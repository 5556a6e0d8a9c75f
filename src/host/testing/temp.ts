/** A folder for one test, removed after it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/** `using folder = tempFolder()`; `folder.path` is short enough for socket names. */
export function tempFolder(label = "t"): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(`${tmpdir()}/b-${label}-`);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
