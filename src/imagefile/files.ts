/** Plans the files for one `[[files]]` table: as they are on disk now, never through a symbolic link. */

import { fail } from "../base/errors/error.ts";
import { parentsOf } from "../base/parents.ts";
import { byteTextOf, type EntryInfo, isReadable, linkBeneath, listNames, lookAt } from "../host/files/tree.ts";
import { baseName, isSafePlainPath, showPath, under } from "../workspace/names.ts";
import type { PlanEntry } from "../workspace/types.ts";
import type { FilePlan } from "./plan.ts";
import type { RawFile } from "./schema.ts";

const maxEntries = 100_000;
const maxProblems = 20;

/** @param root real path of the image file's folder, byte text @param problems receives problems, each with its path */
export function planFile(root: string, file: RawFile, at: number, problems: string[]): FilePlan {
  const { path, content, owner = "root" } = file;
  const name = baseName(byteTextOf(path));
  const mode = file.mode === undefined ? undefined : Number.parseInt(file.mode, 8);
  const found = new Found(root, `files.${at}.source`, problems);
  if (content !== undefined) found.content(name, content, mode ?? 0o644);
  else found.source(name, byteTextOf(sourceOf(file)), mode);
  return { path, owner, entries: found.entries };
}

function sourceOf({ source = "" }: RawFile): string {
  return source.replace(/^\.\//, "").replace(/\/$/, "");
}

class Found {
  readonly entries: PlanEntry[] = [];
  readonly #root: string;
  readonly #key: string;
  readonly #problems: string[];

  constructor(root: string, key: string, problems: string[]) {
    this.#root = root;
    this.#key = key;
    this.#problems = problems;
  }

  content(name: string, text: string, mode: number): void {
    const data = new TextEncoder().encode(text);
    const plain = { path: name, kind: "file", mode, size: data.length, mtimeNs: 0n, origin: "folder" } as const;
    this.entries.push({ ...plain, source: { kind: "bytes", data } });
  }

  /** @param name its name in the guest @param mode of a file, if it differs from its own */
  source(name: string, path: string, mode: number | undefined): void {
    const link = [...parentsOf(path), path].find((part) => lookAt(under(this.#root, part))?.kind === "link");
    if (link !== undefined) return this.#problem(link, "is a symbolic link, which is not followed");
    const info = lookAt(under(this.#root, path));
    if (info === null) return this.#problem(path, "does not exist");
    if (info.kind === "folder" && mode !== undefined)
      return this.#problem(path, "is a folder: `mode` is only for files");
    this.#add(name, path, info, mode);
  }

  #add(name: string, path: string, info: EntryInfo, mode?: number): void {
    const { size } = info;
    const common = { path: name, mtimeNs: info.mtimeNs, origin: "folder" } as const;
    if (this.entries.length >= maxEntries)
      throw fail("WORKSPACE_REFUSED", { path: showPath(path), reason: `it contains more than ${maxEntries} files` });
    if (!isSafePlainPath(path) || path.includes("\n")) return this.#problem(path, "has a name that can't be sent");
    if (info.kind === "special") return this.#problem(path, "is not a file, folder or link");
    if (info.kind === "link") {
      const target = linkBeneath(this.#root, path) ?? "";
      this.entries.push({ ...common, kind: "link", mode: 0o777, size: 0, target, source: { kind: "none" } });
      return;
    }
    if (!isReadable(under(this.#root, path))) return this.#problem(path, "is not readable");
    if (info.kind === "file") {
      const source = { kind: "disk", root: this.#root, path } as const;
      this.entries.push({ ...common, kind: "file", mode: mode ?? info.mode & 0o777, size, source });
      return;
    }
    this.entries.push({ ...common, kind: "folder", mode: info.mode & 0o777, size: 0, source: { kind: "none" } });
    for (const inner of listNames(under(this.#root, path))) {
      const below = lookAt(under(this.#root, under(path, inner)));
      if (below) this.#add(under(name, inner), under(path, inner), below);
    }
  }

  #problem(path: string, what: string): void {
    if (this.#problems.length < maxProblems) this.#problems.push(`${this.#key}: ${showPath(path)} ${what}`);
  }
}
