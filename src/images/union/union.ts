/**
 * Layers as overlayfs shows them (kernel Documentation/filesystems/overlayfs.rst): a character device 0/0 hides its
 * name in the layers below, a folder with `trusted.overlay.opaque` hides their content of that folder; other folders
 * merge, with the attributes of the highest.
 */
import type { SquashEntry, Squashfs, SquashNode } from "../../formats/squashfs/reader.ts";
import { SquashfsError } from "../../formats/squashfs/reader.ts";
import { joined } from "../layer/paths.ts";

/** A node of the union, and the layer that it is from. */
export type UnionNode = SquashNode & {
  /** index of the layer, lowest first */
  layer: number;
  /** a folder that also hides the content of layers below these; set only with `keepWhiteouts` */
  opaque: boolean;
};

export type UnionOptions = { keepWhiteouts?: boolean; isFlat?: boolean };

/** The same folder in several layers, highest first. */
type Stack = { layer: number; node: SquashNode }[];

const maxLinks = 40;
/** most pending path components, and bytes of a path */
const maxDepth = 4096;
const maxPath = 64 * 1024;

export class Union {
  readonly #layers: readonly Squashfs[];
  readonly #keepsWhiteouts: boolean;
  readonly #isFlat: boolean;

  /**
   * @param layers lowest first
   * @param options `keepWhiteouts`: the layers are only some of an image's and not the lowest; what hides something
   * further below is shown as a character device 0/0 or an opaque folder. `isFlat`: a single layer in which overlayfs's
   * marks are data
   */
  constructor(layers: readonly Squashfs[], options: UnionOptions = {}) {
    this.#layers = layers;
    this.#isFlat = options.isFlat ?? false;
    this.#keepsWhiteouts = options.keepWhiteouts ?? this.#isFlat;
  }

  /** Follows no symlinks. @param path without a leading slash; empty for the root */
  async lookup(path: string): Promise<UnionNode | null> {
    const found = await this.#find(path);
    return found && toNode(found);
  }

  /** True if the folder that a path leads to, following symlinks, is not empty. */
  async isFilled(path: string): Promise<boolean> {
    const folder = await this.resolve(path);
    const stack = folder && (await this.#find(folder.path));
    if (stack?.[0]?.node.kind !== "folder") return false;
    return (await this.#children(stack)).some(([, child]) => this.#keepsWhiteouts || !isWhiteout(child[0]?.node));
  }

  /** Follows symlinks inside the root. Null if nothing is there, or there are too many links. */
  async resolve(path: string): Promise<{ path: string; node: UnionNode } | null> {
    const todo = path.split("/").reverse();
    let at: string[] = [];
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop() as string;
      if (name === "" || name === ".") continue;
      if (name === "..") {
        at.pop();
        continue;
      }
      const node = await this.lookup([...at, name].join("/"));
      if (!node) return null;
      if (node.kind !== "symlink") {
        at.push(name);
        continue;
      }
      links += 1;
      if (links > maxLinks || todo.length > maxDepth) return null;
      if (node.link.startsWith("/")) at = [];
      todo.push(...node.link.split("/").reverse());
    }
    const whole = at.join("/");
    const node = await this.lookup(whole);
    return node && { path: whole, node };
  }

  /** Every path except the root, folders before their content, names in byte order. */
  async *walk(): AsyncGenerator<{ path: string; node: UnionNode }, void, void> {
    yield* this.#walk("", this.#root(), new Set());
  }

  /** A file's bytes. */
  content(node: UnionNode): AsyncGenerator<Uint8Array, void, void> {
    return this.#layer(node).content(node);
  }

  /** By full name; without overlayfs's own attributes, unless `isFlat`. */
  async xattrs(node: UnionNode): Promise<Map<string, string>> {
    const all = await this.#layer(node).xattrs(node);
    if (this.#isFlat) return all;
    for (const name of [...all.keys()]) if (name.startsWith("trusted.overlay.")) all.delete(name);
    return all;
  }

  get root(): UnionNode {
    return toNode(this.#root());
  }

  #layer({ layer }: UnionNode): Squashfs {
    return this.#layers[layer] as Squashfs;
  }

  #root(): Stack {
    return this.#layers.map((layer, index) => ({ layer: index, node: layer.root })).reverse();
  }

  async #find(path: string): Promise<Stack | null> {
    let stack = this.#root();
    for (const name of path.split("/")) {
      if (name === "") continue;
      if (stack[0]?.node.kind !== "folder") return null;
      const next = await this.#child(stack, name);
      if (!next || isWhiteout(next[0]?.node)) return null;
      stack = next;
    }
    return stack;
  }

  async #child(folder: Stack, name: string): Promise<Stack | null> {
    const found: Stack = [];
    for (const { layer, node } of folder) {
      const child = await (this.#layers[layer] as Squashfs).child(node, name);
      if (child && (await this.#stack(found, layer, child))) break;
    }
    return found.length === 0 ? null : found;
  }

  /** Adds a node to the stack. @returns true if it hides everything below */
  async #stack(found: Stack, layer: number, node: SquashNode): Promise<boolean> {
    if (found.length > 0 && node.kind !== "folder") return true;
    found.push({ layer, node });
    return node.kind !== "folder" || this.#isOpaque(layer, node);
  }

  async #isOpaque(layer: number, node: SquashNode): Promise<boolean> {
    const xattrs = await (this.#layers[layer] as Squashfs).xattrs(node);
    return xattrs.get("trusted.overlay.opaque") === "y";
  }

  /** @param seen folders: meeting one again would be an endless loop */
  async *#walk(
    path: string,
    folder: Stack,
    seen: Set<string>,
  ): AsyncGenerator<{ path: string; node: UnionNode }, void, void> {
    for (const { layer, node } of folder) {
      const key = `${layer} ${node.inode}`;
      if (seen.has(key) || path.length > maxPath) throw new SquashfsError("its folders contain each other");
      seen.add(key);
    }
    for (const [name, stack] of await this.#children(folder)) {
      const child = joined(path, name);
      const top = stack[0]?.node;
      if (!top || top.kind === "socket") continue;
      if (isWhiteout(top) && !this.#keepsWhiteouts) continue;
      const node = toNode(stack);
      if (this.#keepsWhiteouts && top.kind === "folder") {
        const lowest = stack.at(-1) as Stack[number];
        node.opaque = await this.#isOpaque(lowest.layer, lowest.node);
      }
      yield { path: child, node };
      if (top.kind === "folder") yield* this.#walk(child, stack, seen);
    }
  }

  async #children(folder: Stack): Promise<[string, Stack][]> {
    const found = new Map<string, Stack>();
    const hidden = new Set<string>();
    for (const { layer, node } of folder) {
      const entries: SquashEntry[] = await (this.#layers[layer] as Squashfs).list(node);
      for (const { name, node: read } of entries) {
        if (hidden.has(name)) continue;
        const stack = found.get(name) ?? [];
        found.set(name, stack);
        if (await this.#stack(stack, layer, await read())) hidden.add(name);
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

function toNode(stack: Stack): UnionNode {
  const { layer, node } = stack[0] as Stack[number];
  return { ...node, layer, opaque: false };
}

function isWhiteout(node: SquashNode | undefined): boolean {
  return node?.kind === "character" && node.device?.major === 0 && node.device.minor === 0;
}
