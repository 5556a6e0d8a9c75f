import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { type ParsedKey, utils } from "ssh2";
import { isSignedBy, type Signed } from "./signature.ts";

const message = Buffer.from("what ssh signs");
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const rsa = parsed(privateKey.export({ format: "pem", type: "pkcs1" }).toString());

function parsed(pem: string): ParsedKey {
  const key = utils.parseKey(pem);
  if (key instanceof Error) throw key;
  return key;
}

/** As a client with that RSA key would sign. */
function signed(hash: "sha1" | "sha256" | "sha512"): Signed {
  const signature = (rsa as ParsedKey & { sign(data: Buffer, hash: string): Buffer }).sign(message, hash);
  return {
    algorithm: "ssh-rsa",
    key: rsa.getPublicSSH(),
    message,
    signature,
    hash: hash === "sha1" ? undefined : hash,
  };
}

test("RSA: with SHA-256 and SHA-512, not with SHA-1", () => {
  expect([signed("sha256"), signed("sha512"), signed("sha1")].map(isSignedBy)).toEqual([true, true, false]);
});

test("the algorithm that the client names is the key's, the message the one that was signed", () => {
  const good = signed("sha256");
  expect(isSignedBy({ ...good, algorithm: "ssh-ed25519" })).toBe(false);
  expect(isSignedBy({ ...good, hash: "sha512" })).toBe(false);
  expect(isSignedBy({ ...good, message: Buffer.from("another") })).toBe(false);
  expect(isSignedBy({ ...good, key: good.key.subarray(0, 40) })).toBe(false);
  expect(isSignedBy({ ...good, key: Buffer.alloc(0), algorithm: "" })).toBe(false);
});
