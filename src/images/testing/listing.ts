/** A tree as lines that can be compared: one for each name, with all that an image has to keep. */
import { createHash } from "node:crypto";
import type { Union, UnionNode } from "../union/union.ts";

export type Line = {
  path: string;
  kind: string;
  mode: string;
  owner: string;
  mtime: number;
  rest: string;
  xattrs: string;
};

/** Of an image's layers, as a guest sees them. Byte strings become text. */
export async function listUnion(union: Union): Promise<Line[]> {
  const lines: Line[] = [];
  const names = new Map<string, string>();
  for await (const { path, node } of union.walk()) {
    const key = `${node.layer} ${node.inode}`;
    const first = names.get(key) ?? path;
    names.set(key, first);
    const xattrs = [...(await union.xattrs(node))].map(([name, value]) => `${name}=${hexOf(value)}`).sort();
    lines.push({
      ...{ path: textOf(path), kind: node.kind, mode: node.mode.toString(8), owner: `${node.uid}:${node.gid}` },
      ...{
        mtime: node.mtime,
        rest: await restOf(union, node, first === path ? null : first),
        xattrs: xattrs.join(" "),
      },
    });
  }
  return lines.sort(byPath);
}

async function restOf(union: Union, node: UnionNode, linkOf: string | null): Promise<string> {
  if (node.kind === "symlink") return `-> ${textOf(node.link)}`;
  if (node.device) return `${node.device.major},${node.device.minor}`;
  if (node.kind !== "file") return "";
  const hash = createHash("sha256");
  for await (const chunk of union.content(node)) hash.update(chunk);
  return `${node.size} ${hash.digest("hex").slice(0, 16)}${linkOf === null ? "" : ` = ${textOf(linkOf)}`}`;
}

/** Of a folder on this host, by its own programs. To be run as root where owners and devices count. */
export function listFolder(folder: string): Line[] {
  const script = `
import os, sys, stat, hashlib, json
root = sys.argv[1]
lines, seen = [], {}
kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo"}
for base, folders, files in os.walk(os.fsencode(root)):
    for name in sorted(folders + files):
        full = os.path.join(base, name)
        path = os.path.relpath(full, os.fsencode(root)).decode("utf8", "replace")
        s = os.lstat(full)
        kind = kinds.get(stat.S_IFMT(s.st_mode), "other")
        rest = ""
        if kind == "symlink": rest = "-> " + os.readlink(full).decode("utf8", "replace")
        elif kind in ("character", "block"): rest = "%d,%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
        elif kind == "file":
            h = hashlib.sha256()
            with open(full, "rb") as f:
                for chunk in iter(lambda: f.read(1 << 20), b""): h.update(chunk)
            rest = "%d %s" % (s.st_size, h.hexdigest()[:16])
        xattrs = []
        for x in os.listxattr(full, follow_symlinks=False):
            xattrs.append("%s=%s" % (x, os.getxattr(full, x, follow_symlinks=False).hex()))
        lines.append({"path": path, "kind": kind, "mode": oct(s.st_mode & 0o7777)[2:], "owner": "%d:%d" % (s.st_uid, s.st_gid),
          "mtime": int(s.st_mtime // 1), "rest": rest, "xattrs": " ".join(sorted(xattrs)), "ino": s.st_ino})
first = {}
for line in sorted(lines, key=lambda l: os.fsencode(l["path"])):
    ino = line.pop("ino")
    if line["kind"] == "file":
        if ino in first: line["rest"] += " = " + first[ino]
        else: first[ino] = line["path"]
print(json.dumps(lines))
`;
  const made = Bun.spawnSync(["python3", "-c", script, folder], { stderr: "inherit" });
  return (JSON.parse(made.stdout.toString()) as Line[]).sort(byPath);
}

function byPath(a: Line, b: Line): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function hexOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("hex");
}
