/** One line of a `.pub` file: sshd(8), AUTHORIZED_KEYS FILE FORMAT, without its options. Pure. */

const types = new Set([
  "ssh-ed25519",
  "ssh-rsa",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
]);

export type PublicLine = {
  type: string;
  /** the key as it goes over the wire: RFC 4253, 6.6 */
  blob: Uint8Array;
  /** type, key and comment, of printable ASCII */
  line: string;
};

/** The first key in a text; null if that is none, one of a kind that is not used any more, or a certificate. */
export function readPublicLine(text: string): PublicLine | null {
  const found = text.split(/\r?\n/).find((line) => line.trim() !== "" && !line.startsWith("#"));
  const [type = "", base64 = "", ...comment] = found?.trim().split(/[ \t]+/) ?? [];
  if (!types.has(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  const blob = Buffer.from(base64, "base64");
  if (typeOfBlob(blob) !== type) return null;
  const words = comment.join(" ").replaceAll(/[^\x20-\x7e]/g, "");
  return { type, blob, line: `${type} ${base64}${words === "" ? "" : ` ${words}`}` };
}

/** The type that a key itself has as its first field; null if it is cut off. */
export function typeOfBlob(blob: Uint8Array): string | null {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length < 4) return null;
  const end = 4 + bytes.readUInt32BE();
  return end > bytes.length ? null : bytes.toString("latin1", 4, end);
}
