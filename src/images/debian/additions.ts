/** Adds our own files to the image's tar stream, with parent folders that the packages did not create. */
import { parentsOf } from "../../base/parents.ts";
import type { TarAddition } from "../../formats/tar/edit.ts";
import type { ImageFile } from "./files.ts";

/** @param present names in the stream so far; parents that are added go in too @param mtime seconds */
export function* fileAdditions(
  files: ImageFile[],
  present: Set<string>,
  mtime: number,
): Generator<TarAddition, void, void> {
  const owner = { uid: 0, gid: 0, mtime };
  for (const file of files) {
    for (const name of parentsOf(file.name)) {
      if (present.has(name)) continue;
      present.add(name);
      yield { entry: { ...owner, name: `./${name}`, kind: "folder", mode: 0o755, size: 0, link: "" } };
    }
    const name = `./${file.name}`;
    if ("link" in file) yield { entry: { ...owner, name, kind: "symlink", mode: 0o777, size: 0, link: file.link } };
    else {
      const content = new TextEncoder().encode(file.text);
      yield { entry: { ...owner, name, kind: "file", mode: file.mode, size: content.length, link: "" }, content };
    }
  }
}
