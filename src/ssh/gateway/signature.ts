/** Whether a signature is that of a key: RFC 4252, 7, with the algorithms that OpenSSH accepts. */
import { utils } from "ssh2";
import { typeOfBlob } from "../public-line.ts";
import { securityKeyTypes, verifySecurityKey } from "./security-key.ts";

export type Signed = {
  /** as the client named it; `ssh-rsa` for both of RSA's */
  algorithm: string;
  /** RFC 4253, 6.6 */
  key: Uint8Array;
  /** what was signed */
  message: Uint8Array;
  /** as ssh2 hands it over: without the algorithm and its length */
  signature: Uint8Array;
  /** `sha256` or `sha512`: RFC 8332; of RSA alone */
  hash: string | undefined;
};

export function isSignedBy({ algorithm, key, message, signature, hash }: Signed): boolean {
  if (typeOfBlob(key) !== algorithm) return false;
  // RSA with SHA-1, as OpenSSH has refused it since 8.8
  if (algorithm === "ssh-rsa" && hash === undefined) return false;
  if (securityKeyTypes.some((type) => type === algorithm)) return verifySecurityKey(key, signature, message);
  const parsed = utils.parseKey(Buffer.from(key));
  return (
    !(parsed instanceof Error) && parsed.verify(Buffer.from(message), Buffer.from(signature), hash as never) === true
  );
}
