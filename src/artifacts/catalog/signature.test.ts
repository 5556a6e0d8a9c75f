import { expect, test } from "bun:test";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { maxKey, maxSignature, parseKey, signatureProblem } from "./signature.ts";
import { golden, goldenOfCosign, newSigner } from "./testing/signed.ts";

const content = Buffer.from(golden.content);
const key = parseKey(golden.publicPem) as KeyObject;

test("a signature by openssl is accepted, even with line breaks in its base64", () => {
  expect(signatureProblem(content, golden.signature, key)).toBeNull();
  expect(signatureProblem(content, `${golden.signature}\n`, key)).toBeNull();
  expect(signatureProblem(content, golden.signature.replace(/(.{76})/, "$1\r\n"), key)).toBeNull();
});

test("a signature by cosign is accepted only with its key", () => {
  const { signature, publicPem } = goldenOfCosign;
  expect(signatureProblem(content, signature, parseKey(publicPem) as KeyObject)).toBeNull();
  expect(signatureProblem(content, signature, key)).toMatch(/made with another key/);
});

const wrong: [string, string, RegExp][] = [
  ["none", "", /empty/],
  ["of another key", newSigner().sign(golden.content), /made with another key/],
  ["of other bytes", newSigner().sign(`${golden.content} `), /made with another key/],
  ["not base64", "not base64!", /not base64/],
  ["endless", "A".repeat(2000), /not base64/],
  ["a web page", "<!doctype html><title>Sign in</title>", /web page/],
  ["cosign's other format", '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}', /--output-signature/],
  ["raw numbers instead of DER", Buffer.alloc(64, 1).toString("base64"), /made with another key|damaged/],
];
for (const [what, signature, problem] of wrong) {
  test(`a signature that is ${what} is refused`, () =>
    expect(signatureProblem(content, signature, key)).toMatch(problem));
}

test("a signature has 1024 characters, with at most two of padding", () => {
  expect([maxKey, maxSignature]).toEqual([4096, 1024]);
  const problem = (signature: string) => signatureProblem(content, signature, key);
  expect(problem("A".repeat(1024))).not.toMatch(/not base64/);
  expect(problem("A".repeat(1025))).toMatch(/not base64/);
  expect(problem(`${"A".repeat(94)}==`)).not.toMatch(/not base64/);
  expect(problem(`${"A".repeat(93)}===`)).toMatch(/not base64/);
});

test("neither other bytes nor another signature pass", () => {
  const at = fc.nat(content.length - 1);
  const bit = fc.nat(7);
  fc.assert(
    fc.property(at, bit, (index, shift) => {
      const changed = Buffer.from(content);
      changed[index] = (changed[index] as number) ^ (1 << shift);
      expect(signatureProblem(changed, golden.signature, key)).not.toBeNull();
    }),
    { numRuns: runs(50) },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(signatureProblem(content, Buffer.from(bytes).toString("base64"), key)).not.toBeNull();
    }),
    { numRuns: runs(50) },
  );
  fc.assert(
    fc.property(fc.nat(69), bit, (index, shift) => {
      const changed = Buffer.from(golden.signature, "base64");
      changed[index] = (changed[index] as number) ^ (1 << shift);
      expect(signatureProblem(content, changed.toString("base64"), key)).not.toBeNull();
    }),
    { numRuns: runs(50) },
  );
});

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (one: KeyObject, type: "spki" | "pkcs8") => one.export({ type, format: "pem" }) as string;
const keys: [string, string, RegExp][] = [
  ["RSA", pem(rsa.publicKey, "spki"), /P-256/],
  ["of another curve", newSigner("secp384r1").publicPem, /P-256/],
  ["private", pem(generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey, "pkcs8"), /private key/],
  ["cut short", golden.publicPem.slice(0, 80), /damaged/],
  ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /not a PEM public key/],
  ["empty", "", /not a PEM public key/],
];
for (const [what, text, problem] of keys) {
  test(`a key that is ${what} is refused`, () =>
    expect(parseKey(text)).toEqual({ problem: expect.stringMatching(problem) }));
}
