/**
 * Ed25519 keys in OpenSSH's formats: the unencrypted `openssh-key-v1` private key file (PROTOCOL.key) and the public
 * line. Pure except for random numbers.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";

export type Ed25519Key = { /** 32 bytes */ seed: Uint8Array /** 32 bytes */; publicKey: Uint8Array };

const magic = Buffer.from("openssh-key-v1\0", "latin1");
const keyType = "ssh-ed25519";
/** DER of a PKCS#8 Ed25519 private key (RFC 8410), up to its 32 bytes */
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

export function generateEd25519(): Ed25519Key {
  const der = generateKeyPairSync("ed25519").privateKey.export({ format: "der", type: "pkcs8" });
  const seed = new Uint8Array(der.subarray(der.length - 32));
  return { seed, publicKey: publicOf(seed) };
}

/** The file's text: what `ssh-keygen -t ed25519 -N ""` would write. */
export function encodePrivateKey(key: Ed25519Key, comment: string): string {
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    field(keyType),
    field(key.publicKey),
    field(Buffer.concat([key.seed, key.publicKey])),
    field(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const blob = Buffer.concat([
    magic,
    field("none"),
    field("none"),
    field(""),
    uint32(1),
    field(publicBlob(key.publicKey)),
    field(Buffer.concat([secret, padding])),
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

/** `ssh-ed25519 AAAA… comment`, without a newline. */
export function publicLine(publicKey: Uint8Array, comment: string): string {
  return `${keyType} ${publicBlob(publicKey).toString("base64")} ${comment}`;
}

/** Reads back what `encodePrivateKey` writes (and unencrypted Ed25519 keys of ssh-keygen); null for anything else. */
export function decodePrivateKey(text: string): { key: Ed25519Key; comment: string } | null {
  const armour =
    /^\s*-----BEGIN OPENSSH PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END OPENSSH PRIVATE KEY-----\s*$/;
  const base64 = armour.exec(text)?.[1];
  if (base64 === undefined) return null;
  try {
    return readBlob(new Reader(Buffer.from(base64.replaceAll(/[\r\n]/g, ""), "base64")));
  } catch {
    return null;
  }
}

function readBlob(blob: Reader): { key: Ed25519Key; comment: string } | null {
  if (!blob.take(magic.length).equals(magic)) return null;
  const unencrypted = blob.text() === "none" && blob.text() === "none" && blob.text() === "" && blob.uint32() === 1;
  if (!unencrypted) return null;
  const outer = blob.field();
  const inner = new Reader(blob.field());
  const [check, again] = [inner.uint32(), inner.uint32()];
  if (check !== again || inner.text() !== keyType) return null;
  const publicKey = inner.field();
  const secret = inner.field();
  if (publicKey.length !== 32 || secret.length !== 64 || !outer.equals(publicBlob(publicKey))) return null;
  const seed = new Uint8Array(secret.subarray(0, 32));
  if (!publicKey.equals(publicOf(seed))) return null;
  return { key: { seed, publicKey: new Uint8Array(publicKey) }, comment: inner.text() };
}

/** Reads length-prefixed fields. Throws RangeError beyond the end of the bytes. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw new RangeError("key is truncated");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  field(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.field().toString("utf8");
  }
}

function publicOf(seed: Uint8Array): Uint8Array {
  const der = Buffer.concat([pkcs8Prefix, seed]);
  return rawPublic(createPublicKey(createPrivateKey({ key: der, format: "der", type: "pkcs8" })));
}

function rawPublic(key: KeyObject): Uint8Array {
  const der = key.export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(der.length - 32));
}

function publicBlob(publicKey: Uint8Array): Buffer {
  return Buffer.concat([field(keyType), field(publicKey)]);
}

function field(content: string | Uint8Array): Buffer {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : Buffer.from(content);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
