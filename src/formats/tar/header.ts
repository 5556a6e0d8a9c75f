/** A 512-byte tar header: parsed strictly, written reproducibly (ustar; reads POSIX.1-2017 pax and GNU numbers). */

export const blockSize = 512;

export type TarKind = "file" | "hardlink" | "symlink" | "character" | "block" | "folder" | "fifo";

/** A device's numbers. */
export type DeviceNumbers = { major: number; minor: number };

/**
 * One member of an archive. Names, link targets and extended attributes are byte strings (latin1, one character per
 * byte), so that bytes which are not UTF-8 survive.
 */
export type TarEntry = {
  /** a path inside the root, otherwise unchanged; no trailing slash */
  name: string;
  kind: TarKind;
  /** permission bits, at most 0o7777 */
  mode: number;
  uid: number;
  gid: number;
  /** bytes of content that follow */
  size: number;
  /** seconds since 1970; may be negative; unlimited range */
  mtime: number;
  /** after `mtime`, if the entry has a fraction of a second: 1-999,999,999 */
  nanoseconds?: number;
  /** target of a hard link or symlink, else empty */
  link: string;
  /** of character and block devices */
  device?: DeviceNumbers | null;
  /** extended attributes by full name: `security.capability` */
  xattrs?: ReadonlyMap<string, string> | null;
};

/** Raw fields of a header block; `type` is the type flag's character. */
export type TarHeader = Omit<TarEntry, "kind" | "device" | "xattrs" | "nanoseconds"> & {
  type: string;
  device: DeviceNumbers;
};

/** Not a tar stream, or one that banger refuses. `problem` is a clause. */
export class TarError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(`bad tar stream: ${problem}`);
    this.name = "TarError";
    this.problem = problem;
  }
}

export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < blockSize; i++) if (block[i] !== 0) return false;
  return true;
}

/** True if a block's checksum is valid. */
export function isHeader(block: Uint8Array): boolean {
  const stated = octalOf(ascii(block, 148, 8));
  return stated !== null && hasChecksum(block, stated);
}

const noDevice: DeviceNumbers = { major: 0, minor: 0 };

/** @throws TarError if the checksum or a number is invalid */
export function parseHeader(block: Uint8Array): TarHeader {
  if (!hasChecksum(block, number(block, 148, 8, "checksum"))) throw new TarError("a header's checksum is wrong");
  const ustar = ascii(block, 257, 5) === "ustar";
  const posix = ustar && block[262] === 0;
  const prefix = posix ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8, "mode") & 0o7777,
    uid: number(block, 108, 8, "uid"),
    gid: number(block, 116, 8, "gid"),
    size: number(block, 124, 12, "size"),
    mtime: number(block, 136, 12, "mtime", true),
    type: block[156] === 0 ? "0" : String.fromCharCode(block[156] as number),
    link: text(block, 157, 100),
    device: ustar ? { major: number(block, 329, 8, "device"), minor: number(block, 337, 8, "device") } : noDevice,
  };
}

/** A header's bytes are summed as unsigned numbers (POSIX); some old programs summed them as signed. */
function hasChecksum(block: Uint8Array, stated: number): boolean {
  let sum = 8 * 0x20;
  let negative = 0;
  for (let i = 0; i < blockSize; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i] as number;
    sum += byte;
    if (byte > 0x7f) negative++;
  }
  return stated === sum || stated === sum - 256 * negative;
}

/**
 * Octal text, or base 256 if the top bit is set (GNU), with the next bit as the sign.
 * @param isTime clamp instead of throwing: times before 1970 to 1970, too large ones to the largest safe number
 */
export function number(block: Uint8Array, at: number, length: number, field: string, isTime = false): number {
  const first = block[at] as number;
  if (first & 0x80) {
    if (first & 0x40 && isTime) return 0;
    let value = first & 0x7f;
    for (let i = at + 1; i < at + length; i++) value = value * 256 + (block[i] as number);
    if (isTime) return Math.min(value, Number.MAX_SAFE_INTEGER);
    if (!Number.isSafeInteger(value)) throw new TarError(`a header's ${field} is out of range`);
    return value;
  }
  const value = octalOf(ascii(block, at, length));
  if (value === null) throw new TarError(`a header's ${field} is not a number`);
  return value;
}

/** A number ends at the first space or NUL, whatever follows; an empty field is 0. Null if it is not a number. */
function octalOf(field: string): number | null {
  const match = /^[ \0]*(?:([0-7]+)(?:[ \0].*)?)?$/s.exec(field);
  return match && Number.parseInt(match[1] ?? "0", 8);
}

function ascii(block: Uint8Array, at: number, length: number): string {
  let out = "";
  for (let i = at; i < at + length; i++) out += String.fromCharCode(block[i] as number);
  return out;
}

/** Up to the first NUL. */
function text(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return byteString(block.subarray(at, end));
}

/** One character per byte. */
export function byteString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** A name for messages: as UTF-8 if valid, quoted, at most 200 characters. */
export function shown(name: string): string {
  return JSON.stringify(Buffer.from(name.slice(0, 400), "latin1").toString("utf8").slice(0, 200));
}
