/** A FIDO token in software, after OpenSSH's PROTOCOL.u2f: what a real one does once it was touched. */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export type TokenOptions = { flags?: number; counter?: number };

export type Token = {
  type: string;
  /** RFC 4253, 6.6 */
  blob: Buffer;
  /** of authorized_keys */
  line: string;
  /** the whole signature, as an agent gives it */
  sign(message: Uint8Array, options?: TokenOptions): Buffer;
};

const application = "ssh:";

export function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param seed of 32 bytes, for a key that is always the same */
export function ed25519Token(seed?: Uint8Array): Token {
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  const key = seed
    ? createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" })
    : generateKeyPairSync("ed25519").privateKey;
  const point = Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
  const type = "sk-ssh-ed25519@openssh.com";
  return tokenOf(type, [field(point)], (data) => sign(null, data, key));
}

export function p256Token(): Token {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const type = "sk-ecdsa-sha2-nistp256@openssh.com";
  return tokenOf(type, [field("nistp256"), field(point)], (data) => twoNumbers(data, key));
}

function tokenOf(type: string, parts: Buffer[], signer: (data: Buffer) => Buffer): Token {
  const blob = Buffer.concat([field(type), ...parts, field(application)]);
  return {
    type,
    blob,
    line: `${type} ${blob.toString("base64")} token`,
    sign(message, { flags = 1, counter = 7 } = {}) {
      const tail = Buffer.alloc(5);
      tail.writeUInt8(flags);
      tail.writeUInt32BE(counter, 1);
      const core = signer(Buffer.concat([sha256(application), tail, sha256(message)]));
      return Buffer.concat([field(type), field(core), tail]);
    },
  };
}

/** `mpint r, mpint s` */
function twoNumbers(data: Buffer, key: KeyObject): Buffer {
  const pair = sign("sha256", data, { key, dsaEncoding: "ieee-p1363" });
  const number = (half: Buffer) => {
    const digits = half.subarray(half.findIndex((byte) => byte !== 0));
    return field((digits[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits);
  };
  return Buffer.concat([number(pair.subarray(0, 32)), number(pair.subarray(32))]);
}

function sha256(bytes: string | Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
