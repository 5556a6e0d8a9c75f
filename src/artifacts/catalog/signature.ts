/**
 * Who published some bytes: a signature as `cosign sign-blob` and `openssl dgst -sha256 -sign` make it, ECDSA over P-256
 * and SHA-256, DER, in base64.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";

export const maxKey = 4096;
/** characters; of 71 bytes it has 96 */
export const maxSignature = 1024;

/** @param pem a public key as cosign writes it (`cosign.pub`) @returns the key, or what is wrong as half a sentence */
export function parseKey(pem: string): KeyObject | { problem: string } {
  if (/PRIVATE KEY/.test(pem)) return { problem: "it is a private key: name the public one" };
  if (!pem.trimStart().startsWith("-----BEGIN PUBLIC KEY-----")) return { problem: "it is no PEM public key" };
  try {
    const key = createPublicKey(pem);
    const isP256 = key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
    return isP256 ? key : { problem: "it is no ECDSA key on the curve P-256" };
  } catch {
    return { problem: "it is damaged" };
  }
}

/** What is wrong with a signature, as half a sentence; null when `key` made it over exactly these bytes. */
export function signatureProblem(content: Uint8Array, signature: string, key: KeyObject): string | null {
  const text = signature.replace(/\s+/g, "");
  if (text === "") return "its signature is empty";
  if (text.startsWith("<")) return "a web page came instead of its signature";
  if (text.startsWith("{")) return "its signature is a cosign bundle: sign it with --output-signature";
  if (text.length > maxSignature || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return "its signature is no base64";
  // a damaged signature may be refused by an error
  try {
    return verify("sha256", content, key, Buffer.from(text, "base64"))
      ? null
      : "its signature is another key's, or it was changed";
  } catch {
    return "its signature is damaged";
  }
}
