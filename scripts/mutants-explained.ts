/**
 * Changes that `make mutants` may find unnoticed, by file and by `before  ->  after` as it prints them, each with the reason why no test
 * can or should notice it. The run fails for an entry that fits no line of its file any more, and for one that a test notices.
 */
export const explained: Record<string, Record<string, string>> = {
  "src/wire/agent/frame.ts": {
    "#have = 0;  ->  #have = 1;": "it is set to 0 whenever a frame's first part is kept, and not read before",
    "if (bytes.length - at < headerBytes) return null;  ->  if (bytes.length - at <= headerBytes) return null;":
      "a frame is longer than its header, so a bare header is kept as a part in either case",
  },
  "src/wire/qmp/client.ts": {
    "#isLate = false;  ->  #isLate = true;": "the first answer, which `connectQmp` waits for, sets it to false",
    "for (let at = 0; at < chunk.length && !this.#gone; ) {  ->  for (let at = 0; at <= chunk.length && !this.#gone; ) {":
      "one more round with an empty piece, which adds nothing and returns",
  },
  "src/wire/qmp/migration-stream.ts": {
    "removed: if (address + pageBytes > this.#plan.memoryBytes) throw broken(`a page at ${address}`);":
      "memory is whole pages and so are addresses, whose low bits are flags: what begins in it ends in it",
  },
  "src/base/zone.ts": {
    '...v4Metadata.map((address): [string, number, Zone] => [address, 32, "link-local"]),  ->  ...v4Metadata.map((address): [string, number, Zone] => [address, 64, "link-local"]),':
      "an IPv4 address has 32 bits: more of them change nothing",
    '["::1", 128, "loopback"],  ->  ["::1", 256, "loopback"],':
      "an IPv6 address has 128 bits: more of them change nothing",
    '...v6Metadata.map((address): [string, number, Zone] => [address, 128, "link-local"]),  ->  ...v6Metadata.map((address): [string, number, Zone] => [address, 256, "link-local"]),':
      "an IPv6 address has 128 bits: more of them change nothing",
    'return embedded ? zoneOfV4(bytes.slice(embedded[2], embedded[2] + 4)) : "public";  ->  return embedded ? zoneOfV4(bytes.slice(embedded[2], embedded[2] + 8)) : "public";':
      "no network of IPv4 has bits behind the fourth byte, so more bytes are not compared",
  },
  "src/formats/squashfs/content.ts": {
    "if (left > 0) yield fragment.subarray(at.offset, at.offset + left);  ->  if (left >= 0) yield fragment.subarray(at.offset, at.offset + left);":
      "an empty chunk more changes no content",
  },
  "src/formats/squashfs/inode.ts": {
    "const part = Math.min(1024, count - blocks.length);  ->  const part = Math.min(2048, count - blocks.length);":
      "only the size of each read changes",
  },
  "src/formats/squashfs/metadata.ts": {
    "if (this.#offset + length > bytes.length) return this.#across(length);  ->  if (this.#offset + length >= bytes.length) return this.#across(length);":
      "a read that ends with its block is copied from it instead of being a view of it",
  },
  "src/formats/squashfs/source.ts": {
    "const head = size < superblockSize ? new Uint8Array() : await file.readAt(0, superblockSize);  ->  const head = size <= superblockSize ? new Uint8Array() : await file.readAt(0, superblockSize);":
      "a file that ends with its superblock has no tables, and is refused in either case",
  },
  "src/formats/squashfs/xattrs.ts": {
    "removed: if (this.#table) return this.#table;": "it saves a read: the table's head is the same every time",
  },
  "src/workspace/alternates.ts": {
    "for (let at = 0; at < text.length; ) {  ->  for (let at = 0; at <= text.length; ) {":
      "one more round at the end of the text finds an empty line, which names nothing",
    "for (let at = start + 1; at < text.length; at++) {  ->  for (let at = start + 1; at <= text.length; at++) {":
      "one more round at the end of the text comes to no closing quote, and the answer is null in either case",
    "const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];  ->  const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 8))?.[0];":
      "the pattern takes three characters, however many follow",
  },
  "src/workspace/names.ts": {
    "return byte < 0x80 ? String.fromCharCode(byte) : `\\\\x${byte.toString(16)}`;  ->  return byte <= 0x80 ? String.fromCharCode(byte) : `\\\\x${byte.toString(16)}`;":
      "U+0080 is a control character, which is shown by its number in either case",
    'for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));  ->  for (let cut = path.indexOf("/"); cut > 0; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));':
      "no safe path begins with a slash",
    'for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));  ->  for (let cut = path.indexOf("/"); cut >= 1; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));':
      "no safe path begins with a slash",
  },
  "src/workspace/config-include.ts": {
    "export function includeCondition(key: string): string | true | null {  ->  export function includeCondition(key: string): string | false | null {":
      "it is a type, which the compiler checks",
  },
  "src/workspace/config-read.ts": {
    "#holds(condition: string | true, file: string | null): boolean {  ->  #holds(condition: string | false, file: string | null): boolean {":
      "it is a type, which the compiler checks",
  },
  "src/workspace/reftable.ts": {
    "const isPadded = end - start < blockSize && end < reader.length && reader.byte(end) === 0;  ->  const isPadded = end - start <= blockSize && end < reader.length && reader.byte(end) === 0;":
      "the end of a block that fills its size is where the next one begins in either case",
  },
  "src/formats/tar/scanner.ts": {
    "if (this.#partialLength === 0 && rest.length >= blockSize) {  ->  if (this.#partialLength === 0 && rest.length > blockSize) {":
      "it saves a copy: a block that is all there is goes the way of one that comes in pieces",
  },
  "src/formats/tar/pax.ts": {
    "let length = rest.length + 1;  ->  let length = rest.length + 0;":
      "it is where the search for the length begins, and one lower leads to the same",
    "for (let i = at; i < at + 8 && i < body.length; i++) {  ->  for (let i = at; i < at + 8 && i <= body.length; i++) {":
      "nothing stands behind the body, which is neither a space nor a digit, and the record is refused in either case",
    "if (byte === 0x20 && i > at) {  ->  if (byte === 0x20 && i >= at) {":
      "a space in front gives a length of 0, which is too short",
    'if (equals < 0) throw new TarError("a pax record has no value");  ->  if (equals <= 0) throw new TarError("a pax record has no value");':
      "the record's length stands before the sign, so it is never the first character",
    'if (equals < 0) throw new TarError("a pax record has no value");  ->  if (equals < 1) throw new TarError("a pax record has no value");':
      "the record's length stands before the sign, so it is never the first character",
  },
  "src/images/layer/paths.ts": {
    "removed: if (!/\\/\\/|\\/$|(?:^|\\/)\\.(?:\\/|$)/.test(plain)) return plain;":
      "it saves work: a path without such parts is put together as it was",
    'for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);  ->  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);':
      "no path of an image begins with a slash",
    'for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);  ->  for (let at = path.indexOf("/"); at >= 1; at = path.indexOf("/", at + 1)) yield path.slice(0, at);':
      "no path of an image begins with a slash",
  },
  "src/images/oci/manifest.ts": {
    "const rank = (entry: IndexEntry) => (isOurs(entry.platform) === null ? 2 : entry.platform?.variant ? 1 : 0);  ->  const rank = (entry: IndexEntry) => (isOurs(entry.platform) === null ? 4 : entry.platform?.variant ? 1 : 0);":
      "ranks are only compared, and 4 comes behind 1 as 2 does",
  },
  "src/images/pull.ts": {
    "removed: if (!record) return null;":
      "it saves work: an image that is not there can't be verified, and the answer is null in either case",
  },
  "src/artifacts/download.ts": {
    'removed: if (!file) throw new Error("a new file is locked");':
      "nobody else knows the random name of a new file, so it is never locked: the check is for the type",
  },
  "src/host/files/clear-tree.ts": {
    "const atOnce = 64;  ->  const atOnce = 128;": "it bounds how much is under way at a time, which changes no result",
    "const atOnce = 64;  ->  const atOnce = 65;": "it bounds how much is under way at a time, which changes no result",
    "for (let from = 0; from < names.length; from += atOnce)  ->  for (let from = 0; from <= names.length; from += atOnce)":
      "one more round without a name",
    "const { dev, ino } = await folder.stat({ bigint: true });  ->  const { dev, ino } = await folder.stat({ bigint: false });":
      "file systems of tests have no inode numbers that a double can't hold",
  },
  "src/host/net/http-server.ts": {
    "removed: if (!peer) return void socket.destroy();":
      "requests come on sockets that were admitted, so there is one: the check is for the type",
  },
  "agent/src/tar/unpack.rs": {
    "let (path, gives_group) = (path.to_vec(), mode & libc::S_ISGID != 0);  ->  let (path, gives_group) = (path.to_vec(), mode & libc::S_ISGID != 1);":
      "it saves a call: what root makes in any other folder is root's already",
    "if entry.mode & 0o7022 != 0 {  ->  if entry.mode & 0o7022 != 1 {":
      "it saves a call: a mode without these bits is the one that the file was made with",
  },
  "agent/src/tar/pax.rs": {
    "let mut length = body + 1;  ->  let mut length = body + 0;":
      "it is where the search for the length begins, and one lower leads to the same",
  },
  "agent/src/tar/sparse.rs": {
    "while at < size {  ->  while at <= size {":
      "there is no data from the end on, which ends the search in either case",
  },
  "agent/src/sys/seccomp.rs": {
    "Rule { number, any: NEVER, is_supervised: false, refusal: errno }  ->  Rule { number, any: NEVER, is_supervised: true, refusal: errno }":
      "it says who decides about a call that is accepted, and such a call never is",
  },
};
