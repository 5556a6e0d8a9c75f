import { expect, test } from "bun:test";
import fc from "fast-check";
import { verifySecurityKey } from "./security-key.ts";
import { ed25519Token, field, p256Token, type Token, type TokenOptions } from "./testing/security-key.ts";

const message = Buffer.from("what ssh signs");

/** As ssh2 hands it over. */
function signed(token: Token, options?: TokenOptions): Buffer {
  return token.sign(message, options).subarray(4 + token.type.length + 4);
}

test("golden: a key of all-one bytes that signed with the counter 258", () => {
  const token = ed25519Token(Buffer.alloc(32, 1));
  const key = Buffer.from(
    "0000001a736b2d7373682d65643235353139406f70656e7373682e636f6d000000208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c000000047373683a",
    "hex",
  );
  expect(token.blob.toString("hex")).toBe(key.toString("hex"));
  const signature = Buffer.from(
    "eb4808a72e0631b9cb765bbba25efb71556e509685fe7d9c14b9bd5aa4ef524399ddb427ba4ce75af5b0d01b18b66923c7c75a1ff2d2887f0c0aed24e03b610a0100000102",
    "hex",
  );
  expect(signed(token, { counter: 258 }).toString("hex")).toBe(signature.toString("hex"));
  expect(verifySecurityKey(key, signature, message)).toBe(true);
});

for (const [name, make] of [
  ["ed25519", () => ed25519Token()],
  ["ecdsa", () => p256Token()],
] as const) {
  test(`${name}: its signature, and no other's`, () => {
    const token = make();
    for (let run = 0; run < 20; run++) expect(verifySecurityKey(token.blob, signed(token), message)).toBe(true);
    expect(verifySecurityKey(make().blob, signed(token), message)).toBe(false);
    expect(verifySecurityKey(token.blob, signed(token), Buffer.from("something else"))).toBe(false);
  });

  test(`${name}: somebody must have touched the token; more flags do not matter`, () => {
    const token = make();
    expect(verifySecurityKey(token.blob, signed(token, { flags: 0 }), message)).toBe(false);
    expect(verifySecurityKey(token.blob, signed(token, { flags: 4 }), message)).toBe(false);
    expect(verifySecurityKey(token.blob, signed(token, { flags: 5 }), message)).toBe(true);
  });

  test(`${name}: a change of any byte, anything cut off or added is no signature`, () => {
    const token = make();
    const good = signed(token);
    fc.assert(
      fc.property(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(good.length - 1),
        (at, by, length) => {
          const changed = Buffer.from(good);
          changed[at] = (changed[at] ?? 0) ^ by;
          expect(verifySecurityKey(token.blob, changed, message)).toBe(false);
          expect(verifySecurityKey(token.blob, good.subarray(0, length), message)).toBe(false);
          expect(verifySecurityKey(token.blob.subarray(0, length), good, message)).toBe(false);
        },
      ),
    );
    expect(verifySecurityKey(token.blob, Buffer.concat([good, Buffer.of(0)]), message)).toBe(false);
    expect(verifySecurityKey(Buffer.concat([token.blob, field("more")]), good, message)).toBe(false);
  });
}

test("a key whose point is on no curve is no key", () => {
  const token = p256Token();
  const off = Buffer.concat([
    field(token.type),
    field("nistp256"),
    field(Buffer.concat([Buffer.of(4), Buffer.alloc(64, 5)])),
    field("ssh:"),
  ]);
  expect(verifySecurityKey(off, signed(token), message)).toBe(false);
});
