/** Layers below as a list of nodes, for tests. */
import type { Lower, LowerNode } from "../completion.ts";

const plain: Omit<LowerNode, "content" | "file"> = {
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1,
  link: "",
};

export function lowerWith(nodes: Record<string, Partial<LowerNode>>): Lower {
  return {
    async lookup(path) {
      const found = nodes[path];
      return found ? { ...plain, file: null, content: async function* () {}, ...found } : null;
    },
    async namesOf(files) {
      const names = (file: string) => Object.entries(nodes).filter(([, node]) => node.file === file);
      return new Map([...files].map((file) => [file, names(file).map(([path]) => path)]));
    },
  };
}
