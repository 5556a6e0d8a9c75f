/** Which modules the initramfs needs, and in which order to load them. Pure: works on the texts that depmod writes. */

/** What every guest needs to mount its root file system, and for the network, which it gets at once. */
const wantedModules: readonly string[] = [
  "virtio_mmio",
  "virtio_blk",
  "virtio_console",
  "squashfs",
  "overlay",
  "ext4",
  "virtio_net",
  "virtio_rng",
];

/** What a guest needs besides on a VMM with a vsock. Others do without: under emulation each module takes time to load. */
const wantedWithVsock: readonly string[] = [
  "vsock",
  "vmw_vsock_virtio_transport_common",
  "vmw_vsock_virtio_transport",
  "virtio_balloon",
  // the network device that the agent makes
  "tun",
];

export type ModuleTexts = {
  /** modules.dep: `path: path path` */
  dep: string;
  /** modules.builtin: one path per line */
  builtin: string;
  /** modules.softdep: `softdep name pre: name` */
  softdep: string;
};

export type ModuleIndex = {
  /** path below the release's folder, by name */
  paths: Map<string, string>;
  /** paths separated by spaces, by name */
  dependencies: Map<string, string>;
  builtin: Set<string>;
  /** names to load first, by name */
  before: Map<string, string[]>;
};

/** A module's name: `a-b` and `a_b` are the same to the kernel; a compression suffix is not part of it. */
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

export type BootLists = { always: string[] /** after the others */; withVsock: string[] };

/** Paths in load order, no path twice. */
export function bootLists(index: ModuleIndex): BootLists {
  const always = loadOrder(index);
  const all = loadOrder(index, [...wantedModules, ...wantedWithVsock]);
  return { always, withVsock: all.slice(always.length) };
}

type Visit = { path: string; needed: string[] };

/** Paths in load order: dependencies first. Built-in and missing modules are left out. */
export function loadOrder(index: ModuleIndex, wanted: readonly string[] = wantedModules): string[] {
  const order: string[] = [];
  const visited = new Set<string>();
  // an explicit stack, because a chain of dependencies can be as long as the list of modules
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

/** A module's dependencies, in load order. */
function neededBy({ before, dependencies }: ModuleIndex, name: string): string[] {
  const paths = (dependencies.get(name) ?? "").split(" ").filter(Boolean);
  return [...(before.get(name) ?? []), ...paths.map(moduleName)];
}
