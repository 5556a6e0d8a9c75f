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
  /** paths with spaces between them, by name */
  dependencies: Map<string, string>;
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
    index.dependencies.set(moduleName(path), rest);
  }
  for (const line of texts.builtin.split("\n")) if (line) index.builtin.add(moduleName(line));
  for (const line of texts.softdep.split("\n")) {
    const [keyword, name, pre] = line.split(" ", 3);
    if (keyword === "softdep" && name && pre === "pre:") index.before.set(name.replaceAll("-", "_"), namesBefore(line));
  }
  return index;
}

/** The names after `pre:`, up to `post:`. */
function namesBefore(line: string): string[] {
  const words = line.split(" ").slice(3);
  const post = words.indexOf("post:");
  return (post < 0 ? words : words.slice(0, post)).filter(Boolean).map(moduleName);
}

type Visit = { path: string; needed: string[] };

/** Paths in load order: what a module needs comes before it. What is built in or not there is left out. */
export function loadOrder(index: ModuleIndex, wanted: readonly string[] = wantedModules): string[] {
  const order: string[] = [];
  const visited = new Set<string>();
  // a stack of our own: a chain of dependencies may be as long as the list of modules
  const stack: Visit[] = [{ path: "", needed: [...wanted].reverse() }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const name = top.needed.pop();
    if (name === undefined) {
      stack.pop();
      if (top.path !== "") order.push(top.path);
      continue;
    }
    const path = index.paths.get(name);
    if (visited.has(name) || path === undefined) continue;
    visited.add(name);
    stack.push({ path, needed: neededBy(index, name).reverse() });
  }
  return order;
}

/** In the order in which they are to be loaded. */
function neededBy({ before, dependencies }: ModuleIndex, name: string): string[] {
  const paths = (dependencies.get(name) ?? "").split(" ").filter(Boolean);
  return [...(before.get(name) ?? []), ...paths.map(moduleName)];
}
