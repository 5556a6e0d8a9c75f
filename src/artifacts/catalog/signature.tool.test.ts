/** The commands that docs/image-catalog.md gives, against the real openssl. */
import { expect } from "bun:test";
import type { KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { gatedTest } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { parseKey, signatureProblem } from "./signature.ts";
import { golden } from "./testing/signed.ts";

gatedTest("tool:openssl", "a key and a signature of openssl", () => {
  using temp = tempFolder();
  const { path } = temp;
  writeFileSync(`${path}/catalog.toml`, golden.content);
  const lines = [
    "openssl ecparam -name prime256v1 -genkey -noout -out catalog.key",
    "openssl ec -in catalog.key -pubout -out catalog.pub",
    "openssl dgst -sha256 -sign catalog.key catalog.toml | base64 -w0 > catalog.toml.sig",
  ];
  const done = Bun.spawnSync(["sh", "-ec", lines.join("\n")], { cwd: path });
  expect(done.exitCode).toBe(0);
  const key = parseKey(readFileSync(`${path}/catalog.pub`, "utf8")) as KeyObject;
  const signature = readFileSync(`${path}/catalog.toml.sig`, "utf8");
  expect(signatureProblem(readFileSync(`${path}/catalog.toml`), signature, key)).toBeNull();
  expect(signatureProblem(Buffer.from("other"), signature, key)).not.toBeNull();
});
