import { afterAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import fc from "fast-check";
import { tempFolder } from "../host/testing/temp.ts";
import { ensureUserKey } from "./keys.ts";
import { decodePrivateKey, encodePrivateKey, generateEd25519 } from "./openssh-key.ts";

const base = tempFolder("ssh");
afterAll(() => base[Symbol.dispose]());

function place(): { sshKey: string } {
  return { sshKey: `${fs.mkdtempSync(`${base.path}/`)}/ssh/id_ed25519` };
}

test("the key is made once, private, and then reused", async () => {
  const paths = place();
  const { publicLine } = await ensureUserKey({}, paths);
  expect(publicLine).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68} banger$/);
  expect(fs.statSync(paths.sshKey).mode & 0o777).toBe(0o600);
  expect(fs.statSync(`${paths.sshKey}/..`.replace("/id_ed25519/..", "")).mode & 0o777).toBe(0o700);
  expect(fs.readFileSync(`${paths.sshKey}.pub`, "utf8")).toBe(`${publicLine}\n`);
  expect(await ensureUserKey({}, paths)).toEqual({ publicLine });
  expect(fs.readdirSync(paths.sshKey.replace("/id_ed25519", "")).sort()).toEqual(["id_ed25519", "id_ed25519.pub"]);
});

test("concurrent calls get the same key", async () => {
  const paths = place();
  const all = await Promise.all(Array.from({ length: 16 }, () => ensureUserKey({}, paths)));
  expect(new Set(all.map(({ publicLine }) => publicLine)).size).toBe(1);
});

test("too wide permissions are removed, and a missing .pub is made again", async () => {
  const paths = place();
  const { publicLine } = await ensureUserKey({}, paths);
  fs.chmodSync(paths.sshKey, 0o644);
  fs.rmSync(`${paths.sshKey}.pub`);
  expect(await ensureUserKey({}, paths)).toEqual({ publicLine });
  expect(fs.statSync(paths.sshKey).mode & 0o777).toBe(0o600);
  expect(fs.existsSync(`${paths.sshKey}.pub`)).toBe(true);
});

for (const text of ["", "no key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"]) {
  test(`a file that is not a key is reported and left unchanged: ${JSON.stringify(text.slice(0, 10))}`, async () => {
    const paths = place();
    fs.mkdirSync(paths.sshKey.replace("/id_ed25519", ""));
    fs.writeFileSync(paths.sshKey, text);
    const error = await ensureUserKey({}, paths).catch((each) => each);
    expect(error.code).toBe("FILE_INVALID");
    expect(fs.readFileSync(paths.sshKey, "utf8")).toBe(text);
  });
}

test("every key and comment is read back, and a damaged file is null or a key", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), fc.nat(300), fc.nat(255), (comment, at, byte) => {
      const key = generateEd25519();
      const text = encodePrivateKey(key, comment);
      expect(decodePrivateKey(text)).toEqual({ key, comment: Buffer.from(comment, "utf8").toString("utf8") });
      const position = 36 + at;
      decodePrivateKey(text.slice(0, position) + String.fromCharCode(byte) + text.slice(position + 1));
    }),
    { numRuns: 60 },
  );
});
