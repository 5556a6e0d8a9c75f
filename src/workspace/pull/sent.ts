/** What was sent into a VM: the base against which the work in it is seen. The host keeps it, as nothing of a guest can be trusted. */
import { createHash } from "node:crypto";
import { isOid } from "../refs.ts";

/** How git names objects. */
export type ObjectFormat = "sha1" | "sha256";

/** A file or link as a tree of git has it. */
export type TreeFile = {
  mode: "100644" | "100755" | "120000" /** of its exact bytes, no filter applied */;
  oid: string;
};
type SentEntry = { path: string; origin: string; mode: number; target?: string };

/** By path: byte text, relative to the work tree. */
export type Files = ReadonlyMap<string, TreeFile>;

export type Sent = {
  /** the work tree, a real path */
  root: string;
  format: ObjectFormat;
  /** the commit that the guest began with; null: none yet */
  head: string | null;
  /** all commits that the guest's branches began with */
  tips: readonly string[];
  /** paths of submodules, byte text */
  submodules: readonly string[];
  /** null: those of `head`, which the guest checked out */
  files: Files | null;
};

const modes = new Set<string>(["100644", "100755", "120000"]);

export function isTreeMode(mode: string): mode is TreeFile["mode"] {
  return modes.has(mode);
}

/** The name that git gives to a blob. */
export class BlobHash {
  readonly #hash;
  /** @param size bytes that will follow */
  constructor(format: ObjectFormat, size: number) {
    this.#hash = createHash(format).update(`blob ${size}\0`);
  }
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  oid(): string {
    return this.#hash.digest("hex");
  }
}

/** Takes note of files while they are sent, so that it is their very bytes. */
export class SentFiles {
  readonly format: ObjectFormat;
  readonly files = new Map<string, TreeFile>();

  constructor(format: ObjectFormat) {
    this.format = format;
  }

  /** For one file of the work tree; null for anything else. Call `end` after its last byte. */
  begin({ path, origin, mode }: SentEntry, size: number): { update(bytes: Uint8Array): void; end(): void } | null {
    if (origin === "git") return null;
    const hash = new BlobHash(this.format, size);
    const end = () => void this.files.set(path, { mode: mode & 0o100 ? "100755" : "100644", oid: hash.oid() });
    return { update: (bytes) => hash.update(bytes), end };
  }

  link({ path, origin, target }: SentEntry): void {
    if (origin !== "git" && target !== undefined) this.files.set(path, linkFile(this.format, target));
  }
}

/** @param target byte text */
export function linkFile(format: ObjectFormat, target: string): TreeFile {
  const bytes = Buffer.from(target, "latin1");
  const hash = new BlobHash(format, bytes.length);
  hash.update(bytes);
  return { mode: "120000", oid: hash.oid() };
}

export function isSame(one: TreeFile | null | undefined, other: TreeFile | null | undefined): boolean {
  if (!one || !other) return !one && !other;
  return one.mode === other.mode && one.oid === other.oid;
}

/** JSON of one line. */
export function sentText(sent: Sent): string {
  const files = sent.files === null ? null : [...sent.files].map(([path, { mode, oid }]) => [path, mode, oid]);
  return JSON.stringify({ version: 1, ...sent, files });
}

/** Null when it is not what `sentText` makes. */
export function parseSent(text: string): Sent | null {
  const value = parsed(text);
  if (value === null || value["version"] !== 1) return null;
  const { root, format, head, tips, submodules, files } = value;
  if (typeof root !== "string" || !root.startsWith("/") || (format !== "sha1" && format !== "sha256")) return null;
  if (head !== null && !(typeof head === "string" && isOid(head))) return null;
  if (!isTexts(tips) || !tips.every(isOid) || !isTexts(submodules)) return null;
  if (files === null) return { root, format, head, tips, submodules, files };
  if (!Array.isArray(files)) return null;
  const read = new Map<string, TreeFile>();
  for (const [path, mode, oid] of files as unknown[][]) {
    if (typeof path !== "string" || typeof mode !== "string" || !isTreeMode(mode)) return null;
    if (typeof oid !== "string" || !isOid(oid)) return null;
    read.set(path, { mode, oid });
  }
  return { root, format, head, tips, submodules, files: read };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
