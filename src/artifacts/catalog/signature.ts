/**
 * Signatures as `cosign sign-blob` and `openssl dgst -sha256 -sign` make them: ECDSA over P-256 with SHA-256, DER,
 * base64.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";

export const maxKey = 4096;
/** characters; a usual signature of 71 bytes has 96 */
export const maxSignature = 1024;

/** @param pem a public key as cosign writes it (`cosign.pub`) @returns the key, or a problem as a clause */
export function parseKey(pem: string): KeyObject | { problem: string } {
  if (/PRIVATE KEY/.test(pem)) return { problem: "it is a private key: use the public one" };
  if (!pem.trimStart().startsWith("-----BEGIN PUBLIC KEY-----")) return { problem: "it is not a PEM public key" };
  try {
    const key = createPublicKey(pem);
    const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return isP256 ? key : { problem: "it is not an ECDSA key on the curve P-256" };
  } catch {
    return { problem: "it is damaged" };
  }
}

/** What is wrong with a signature, as a clause; null if `key` made it over exactly these bytes. */
export function signatureProblem(content: Uint8Array, signature: string, key: KeyObject): string | null {
  const text = signature.replace(/\s+/g, "");
  if (text === "") return "its signature is empty";
  if (text.startsWith("<")) return "its signature is a web page";
  if (text.startsWith("{")) return "its signature is a cosign bundle: sign it with --output-signature";
  if (text.length > maxSignature || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return "its signature is not base64";
  // verify can throw for a damaged signature
  try {
    return verify("sha256", content, key, Buffer.from(text, "base64"))
      ? null
      : "its signature was made with another key, or the catalog was changed";
  } catch {
    return "its signature is damaged";
  }
}
