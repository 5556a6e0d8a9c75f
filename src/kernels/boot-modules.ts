/** Which modules the initramfs needs, and in which order they must be loaded. Pure: from the texts that depmod writes. */

/** What a guest needs before its root file system is there, and the network that it is given at once. */
export const wantedModules: readonly string[] = [
  "virtio_mmio",
  "virtio_blk",
  "virtio_console",
  "squashfs",
  "overlay",
  "ext4",
  "virtio_net",
  "virtio_rng",
];

export type ModuleTexts = {
  /** modules.dep: `path: path path` */
  dep: string;
  /** modules.builtin: a path a line */
  builtin: string;
  /** modules.softdep: `softdep name pre: name` */
  softdep: string;
};

export type ModuleIndex = {
  /** path below the release's folder, by name */
  paths: Map<string, string>;
  dependencies: Map<string, string[]>;
  builtin: Set<string>;
  /** names that should be loaded before, by name */
  before: Map<string, string[]>;
};

/** `a-b` and `a_b` are one name to the kernel; compression is no part of it. */
export function moduleName(path: string): string {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return file.replace(/\.ko(?:\.(?:xz|zst|gz))?$/, "").replaceAll("-", "_");
}

export function indexModules(texts: ModuleTexts): ModuleIndex {
  const index: ModuleIndex = { paths: new Map(), dependencies: new Map(), builtin: new Set(), before: new Map() };
  for (const line of texts.dep.split("\n")) {
    const [path, rest] = line.split(":", 2);
    if (!path || rest === undefined) continue;
    index.paths.set(moduleName(path), path);
    index.dependencies.set(moduleName(path), rest.split(" ").filter(Boolean).map(moduleName));
  }
  for (const line of texts.builtin.split("\n")) if (line) index.builtin.add(moduleName(line));
  for (const line of texts.softdep.split("\n")) {
    const [, name, pre] = /^softdep (\S+) pre: (.*?)(?: post:.*)?$/.exec(line) ?? [];
    if (name && pre) index.before.set(name.replaceAll("-", "_"), pre.split(" ").filter(Boolean).map(moduleName));
  }
  return index;
}

/** Paths in load order: what a module needs comes before it. What is built in or not there is left out. */
export function loadOrder(index: ModuleIndex, wanted: readonly string[] = wantedModules): string[] {
  const order: string[] = [];
  const visited = new Set<string>();
  const visit = (name: string) => {
    const path = index.paths.get(name);
    if (visited.has(name) || path === undefined) return;
    visited.add(name);
    for (const needed of [...(index.before.get(name) ?? []), ...(index.dependencies.get(name) ?? [])]) visit(needed);
    order.push(path);
  };
  wanted.forEach(visit);
  return order;
}
