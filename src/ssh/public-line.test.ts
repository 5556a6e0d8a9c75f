import { expect, test } from "bun:test";
import { makeHostKey } from "./keys.ts";
import { readPublicLine, typeOfBlob } from "./public-line.ts";

const key = makeHostKey("me@host").public;
const [type = "", base64 = ""] = key.split(" ");

test("type, key and comment of the first line that is one", () => {
  const read = readPublicLine(`# my key\n\n${key}\r\nssh-rsa AAAA\n`);
  expect(read).toMatchObject({ type: "ssh-ed25519", line: key });
  expect(typeOfBlob(read?.blob ?? new Uint8Array())).toBe("ssh-ed25519");
  expect(readPublicLine(`${type}\t${base64}  a\x1b[31m b\xff`)?.line).toBe(`${type} ${base64} a[31m b`);
  expect(readPublicLine(`${type} ${base64}`)?.line).toBe(`${type} ${base64}`);
});

test.each([
  ["nothing", ""],
  ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"],
  ["another type than the key has", `ssh-rsa ${base64}`],
  ["an old type", `ssh-dss ${base64}`],
  ["a certificate", `ssh-ed25519-cert-v01@openssh.com ${base64}`],
  ["options in front", `no-pty ${key}`],
  ["no base64", `ssh-ed25519 ${base64}%`],
  ["a key that is cut off", "ssh-ed25519 AAAA"],
])("no key: %s", (_, text) => {
  expect(readPublicLine(text)).toBeNull();
});
