/** Folders of VMs for tests, in one temporary folder with a short path, as socket paths must be short. */
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";

export type TempFolder = {
  readonly path: string;
  /** a new folder in it, mode 0700 */
  make(name: string): Promise<string>;
  remove(): void;
};

export function makeTempFolder(label: string): TempFolder {
  const path = mkdtempSync(`${tmpdir()}/banger-${label}-`);
  return {
    path,
    async make(name) {
      await mkdir(`${path}/${name}`, { mode: 0o700 });
      return `${path}/${name}`;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
