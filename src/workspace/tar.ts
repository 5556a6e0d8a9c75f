/** One entry's tar header: ustar, with a PAX extended header before it where ustar has no room. Pure. */

export type TarEntry = {
  /** byte text, without leading or trailing `/` */
  path: string;
  kind: "file" | "folder" | "link";
  mode: number;
  /** bytes of content that follow; 0 but for files */
  size: number;
  /** Unix time in `ns` */
  mtimeNs: bigint;
  /** byte text */
  target?: string;
};

const block = 512;
const typeFlags = { file: "0", folder: "5", link: "2", pax: "x" } as const;
const second = 1_000_000_000n;
const maxOctal11 = 0o77777777777;

/** The end of an archive. */
export const tarEnd = new Uint8Array(2 * block);

/** How many zero bytes follow `size` bytes of content. */
export function paddingOf(size: number): number {
  return (block - (size % block)) % block;
}

export function tarHeader(entry: TarEntry): Uint8Array {
  const name = entry.kind === "folder" ? `${entry.path}/` : entry.path;
  const split = splitName(name);
  const target = entry.target ?? "";
  const records: string[] = [];
  if (split === null) records.push(paxRecord("path", name));
  if (target.length > 100) records.push(paxRecord("linkpath", target));
  if (entry.size > maxOctal11) records.push(paxRecord("size", String(entry.size)));
  const seconds = wholeSeconds(entry.mtimeNs);
  const isPlain = entry.mtimeNs % second === 0n && seconds >= 0 && seconds <= maxOctal11;
  if (!isPlain) records.push(paxRecord("mtime", paxTime(entry.mtimeNs)));
  const main = ustar({
    prefix: split?.prefix ?? "",
    name: split?.name ?? name.slice(0, 100),
    mode: entry.mode,
    size: Math.min(entry.size, maxOctal11),
    mtime: Math.min(Math.max(0, seconds), maxOctal11),
    type: typeFlags[entry.kind],
    target: target.slice(0, 100),
  });
  return records.length === 0 ? main : Buffer.concat([paxHeader(records.join("")), main]);
}

/** Rounded down. */
function wholeSeconds(ns: bigint): number {
  const rest = ns % second;
  return Number((ns - rest) / second) - (rest < 0n ? 1 : 0);
}

/** POSIX.1-2017, pax, "pax Extended Header File Times": decimal seconds, with a minus before 1970. */
function paxTime(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = String(size % second)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${size / second}${fraction === "" ? "" : `.${fraction}`}`;
}

function paxHeader(body: string): Uint8Array {
  const head = ustar({
    prefix: "",
    name: "PaxHeader",
    mode: 0o644,
    size: body.length,
    mtime: 0,
    type: typeFlags.pax,
    target: "",
  });
  return Buffer.concat([head, Buffer.from(body, "latin1"), new Uint8Array(paddingOf(body.length))]);
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/** A name as ustar can hold it: 100 bytes, or up to 155 more before a `/`; null when it can't. */
function splitName(name: string): { prefix: string; name: string } | null {
  if (name.length <= 100) return { prefix: "", name };
  const cut = name.indexOf("/", name.length - 101);
  if (cut <= 0 || cut > 155 || cut === name.length - 1) return null;
  return { prefix: name.slice(0, cut), name: name.slice(cut + 1) };
}

type Ustar = { prefix: string; name: string; mode: number; size: number; mtime: number; type: string; target: string };

function ustar(fields: Ustar): Uint8Array {
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
  header.write(fields.name, 0, 100, "latin1");
  octal(fields.mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(fields.size, 124, 12);
  octal(fields.mtime, 136, 12);
  header.write("        ", 148, "latin1");
  header.write(fields.type, 156, "latin1");
  header.write(fields.target, 157, 100, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  header.write("root", 265, "latin1");
  header.write("root", 297, "latin1");
  header.write(fields.prefix, 345, 155, "latin1");
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
