/**
 * Layers as overlayfs shows them (kernel Documentation/filesystems/overlayfs.rst): a character device 0/0 hides what is
 * below its name, a folder with `trusted.overlay.opaque` what is below it; folders merge, attributes are the highest's.
 */
import type { SquashEntry, Squashfs, SquashNode } from "../../formats/squashfs/reader.ts";
import { SquashfsError } from "../../formats/squashfs/reader.ts";
import { joined } from "../layer/paths.ts";

/** A name in the union, and the layer that shows it. */
export type UnionNode = SquashNode & {
  /** index of the layer, from the lowest on */
  layer: number;
  /** a folder that hides what layers below the lowest of these may have; only told where whiteouts are kept */
  opaque: boolean;
};

export type UnionOptions = { keepWhiteouts?: boolean; isFlat?: boolean };

/** The same folder in several layers, highest first. */
type Stack = { layer: number; node: SquashNode }[];

const maxLinks = 40;
/** names that wait to be followed, and bytes of a path */
const maxDepth = 4096;
const maxPath = 64 * 1024;

export class Union {
  readonly #layers: readonly Squashfs[];
  readonly #keepsWhiteouts: boolean;
  readonly #isFlat: boolean;

  /**
   * @param layers lowest first
   * @param options `keepWhiteouts`: the layers are but some of an image's, not the lowest of them; what hides something
   *   further below is shown as a character device 0/0 or an opaque folder. `isFlat`: one alone, in which overlayfs's
   *   marks are somebody's data
   */
  constructor(layers: readonly Squashfs[], options: UnionOptions = {}) {
    this.#layers = layers;
    this.#isFlat = options.isFlat ?? false;
    this.#keepsWhiteouts = options.keepWhiteouts ?? this.#isFlat;
  }

  /** Follows no symlink, neither at the end nor on the way. @param path without a slash in front; empty: the root */
  async lookup(path: string): Promise<UnionNode | null> {
    const found = await this.#find(path);
    return found && toNode(found);
  }

  /** Whether something is in the folder that a path leads to, symlinks followed. */
  async isFilled(path: string): Promise<boolean> {
    const folder = await this.resolve(path);
    const stack = folder && (await this.#find(folder.path));
    if (stack?.[0]?.node.kind !== "folder") return false;
    return (await this.#children(stack)).some(([, child]) => this.#keepsWhiteouts || !isWhiteout(child[0]?.node));
  }

  /** Follows symlinks inside the root. Null when nothing is there, or too many lead to each other. */
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

  /** Every path but the root, a folder before what is in it, names in the order of their bytes. */
  async *walk(): AsyncGenerator<{ path: string; node: UnionNode }, void, void> {
    yield* this.#walk("", this.#root(), new Set());
  }

  /** A file's bytes. */
  content(node: UnionNode): AsyncGenerator<Uint8Array, void, void> {
    return this.#layer(node).content(node);
  }

  /** By full name; without overlayfs's own, unless it is flat. */
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

  /** True when nothing below is seen any more. */
  async #stack(found: Stack, layer: number, node: SquashNode): Promise<boolean> {
    if (found.length > 0 && node.kind !== "folder") return true;
    found.push({ layer, node });
    return node.kind !== "folder" || this.#isOpaque(layer, node);
  }

  async #isOpaque(layer: number, node: SquashNode): Promise<boolean> {
    const xattrs = await (this.#layers[layer] as Squashfs).xattrs(node);
    return xattrs.get("trusted.overlay.opaque") === "y";
  }

  /** @param seen folders; one that is met again would be walked for ever */
  async *#walk(
    path: string,
    folder: Stack,
    seen: Set<string>,
  ): AsyncGenerator<{ path: string; node: UnionNode }, void, void> {
    for (const { layer, node } of folder) {
      const key = `${layer} ${node.inode}`;
      if (seen.has(key) || path.length > maxPath) throw new SquashfsError("its folders hold each other");
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
    const closed = new Set<string>();
    for (const { layer, node } of folder) {
      const entries: SquashEntry[] = await (this.#layers[layer] as Squashfs).list(node);
      for (const { name, node: read } of entries) {
        if (closed.has(name)) continue;
        const stack = found.get(name) ?? [];
        found.set(name, stack);
        if (await this.#stack(stack, layer, await read())) closed.add(name);
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
