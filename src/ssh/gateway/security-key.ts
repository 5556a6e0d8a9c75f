/**
 * Signatures of FIDO keys (OpenSSH's PROTOCOL.u2f): the token signs hashes of the application and of what ssh would sign, with flags and a counter of
 * its own between them. Pure.
 */
import { createHash, createPublicKey, verify } from "node:crypto";

export const securityKeyTypes = ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"] as const;

/** of the flags: somebody has touched the token */
const userPresent = 1;
/** bytes: one of flags, four of the counter */
const tailBytes = 5;
/** DER (SPKI) in front of an Ed25519 key's 32 bytes (RFC 8410), and of a P-256 point's 65 (RFC 5480) */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");
const p256Prefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");

/**
 * @param key the public key as it goes over the wire
 * @param signature of its form what follows the type and the first length: the signature itself, flags, counter
 * @param signed what ssh signs: RFC 4252, 7
 */
export function verifySecurityKey(key: Uint8Array, signature: Uint8Array, signed: Uint8Array): boolean {
  try {
    const at = signature.length - tailBytes;
    const [core, tail] = [signature.subarray(0, at), signature.subarray(at)];
    if (at <= 0 || ((tail[0] ?? 0) & userPresent) === 0) return false;
    const fields = fieldsOf(key);
    const [type = empty] = fields;
    const application = fields.at(-1) ?? empty;
    const message = Buffer.concat([sha256(application), tail, sha256(signed)]);
    if (type.equals(Buffer.from(securityKeyTypes[0])) && fields.length === 3)
      return core.length === 64 && verify(null, message, spki(ed25519Prefix, fields[1], 32), core);
    if (!type.equals(Buffer.from(securityKeyTypes[1])) || fields.length !== 4) return false;
    const dsa = { key: spki(p256Prefix, fields[2], 65), dsaEncoding: "ieee-p1363" } as const;
    return String(fields[1]) === "nistp256" && verify("sha256", message, dsa, pairOf(core));
  } catch {
    // not a point of the curve, or cut off
    return false;
  }
}

const empty = Buffer.alloc(0);

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function spki(prefix: Buffer, point: Buffer | undefined, bytes: number) {
  if (point?.length !== bytes) throw new RangeError("a key of another length");
  return createPublicKey({ key: Buffer.concat([prefix, point]), format: "der", type: "spki" });
}

/** r and s, each of 32 bytes, from two numbers in the form of RFC 4251, 5. */
function pairOf(core: Uint8Array): Buffer {
  const numbers = fieldsOf(core);
  if (numbers.length !== 2) throw new RangeError("not two numbers");
  const bytes = numbers.map((number) => {
    const digits = number.subarray(number.findIndex((byte) => byte !== 0));
    if (number.length > 33 || digits.length > 32) throw new RangeError("a number that is too large");
    return Buffer.concat([Buffer.alloc(32 - digits.length), digits]);
  });
  return Buffer.concat(bytes);
}

/** All of it as fields with their length in front. @throws RangeError */
function fieldsOf(bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const end = at + 4 + all.readUInt32BE(at);
    if (end > all.length) throw new RangeError("cut off");
    fields.push(all.subarray(at + 4, end));
    at = end;
  }
  return fields;
}
