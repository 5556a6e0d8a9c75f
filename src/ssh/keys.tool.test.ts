/** ssh-keygen reads our keys, and we read its keys. */
import { afterAll, expect } from "bun:test";
import * as fs from "node:fs";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { ensureUserKey, makeHostKey } from "./keys.ts";
import { decodePrivateKey, publicLine } from "./openssh-key.ts";

const base = tempFolder("ssh");
afterAll(() => base[Symbol.dispose]());

const place = () => ({ sshKey: `${fs.mkdtempSync(`${base.path}/`)}/ssh/id_ed25519` });

function keygen(...argv: string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["ssh-keygen", ...argv]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString().trim();
}

gatedTest("tool:ssh-keygen", "ssh-keygen reads our keys", async () => {
  const paths = place();
  const { publicLine } = await ensureUserKey({ comment: "me@host" }, paths);
  expect(keygen("-y", "-f", paths.sshKey)).toBe(publicLine);
  const host = makeHostKey();
  fs.writeFileSync(`${paths.sshKey}.host`, host.private, { mode: 0o600 });
  expect(keygen("-y", "-f", `${paths.sshKey}.host`)).toBe(host.public);
});

gatedTest("tool:ssh-keygen", "we read ssh-keygen's keys, and refuse encrypted and other ones", () => {
  const file = `${fs.mkdtempSync(`${base.path}/`)}/key`;
  keygen("-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f", file);
  const decoded = decodePrivateKey(fs.readFileSync(file, "utf8"));
  expect(publicLine(decoded?.key.publicKey ?? new Uint8Array(), decoded?.comment ?? "")).toBe(
    fs.readFileSync(`${file}.pub`, "utf8").trim(),
  );
  keygen("-q", "-t", "ed25519", "-N", "secret", "-f", `${file}.encrypted`);
  keygen("-q", "-t", "ecdsa", "-N", "", "-f", `${file}.ecdsa`);
  expect(decodePrivateKey(fs.readFileSync(`${file}.encrypted`, "utf8"))).toBeNull();
  expect(decodePrivateKey(fs.readFileSync(`${file}.ecdsa`, "utf8"))).toBeNull();
});
