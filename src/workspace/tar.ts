/** A plan's entries as tar headers. */
import { encodeExactHeader } from "../formats/tar/writer.ts";
import type { PlanEntry } from "./types.ts";

const kinds = { file: "file", folder: "folder", link: "symlink" } as const;

/** In the guest root owns them. @param size bytes of content that follow; 0 except for files */
export function tarHeader({ path, kind, mode, target, mtimeNs }: HeaderFacts, size: number): Uint8Array {
  const entry = { name: path, kind: kinds[kind], mode, size, link: target ?? "", uid: 0, gid: 0, mtime: 0 };
  return encodeExactHeader(entry, mtimeNs);
}

type HeaderFacts = Pick<PlanEntry, "path" | "kind" | "mode" | "mtimeNs"> & { target?: string };
