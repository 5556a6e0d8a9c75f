/** Looks at the host's work tree, never through a link. */
import { parentsOf } from "../../base/parents.ts";
import { linkBeneath, listNames, lookAt, openBeneath } from "../../host/files/tree.ts";
import type { Present } from "./changes.ts";
import { BlobHash, linkFile, type ObjectFormat } from "./sent.ts";

const chunkBytes = 256 * 1024;

/** @param root a real path, byte text @param path byte text, below it */
export function presentAt(root: string, path: string, format: ObjectFormat): Present {
  for (const parent of parentsOf(path)) {
    const info = lookAt(`${root}/${parent}`);
    if (info === null) return null;
    if (info.kind !== "folder") return "other";
  }
  const info = lookAt(`${root}/${path}`);
  if (info === null) return null;
  if (info.kind === "link") {
    const target = linkBeneath(root, path);
    return target === null ? "other" : linkFile(format, target);
  }
  const file = info.kind === "file" ? openBeneath(root, path) : null;
  if (file === null) return "other";
  try {
    const hash = new BlobHash(format, file.info.size);
    const buffer = new Uint8Array(chunkBytes);
    for (let got = file.read(buffer); got > 0; got = file.read(buffer)) hash.update(buffer.subarray(0, got));
    return { mode: file.info.mode & 0o100 ? "100755" : "100644", oid: hash.oid() };
  } finally {
    file.close();
  }
}

/** Whether every file below that folder is one of `paths`. */
export function hasOnly(root: string, folder: string, paths: ReadonlySet<string>): boolean {
  return listNames(`${root}/${folder}`).every((name) => {
    const path = `${folder}/${name}`;
    return lookAt(`${root}/${path}`)?.kind === "folder" ? hasOnly(root, path, paths) : paths.has(path);
  });
}
