/** GNU tar's own sparse members, in each of its forms that are read. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { gate } from "../../host/testing/gate.ts";
import { TarError } from "./header.ts";
import { TarScanner } from "./scanner.ts";
import { anyTar } from "./testing/archive.ts";

const why = gate("tool:tar");
const forms = [
  { name: "old GNU", flags: ["--format=gnu", "--sparse"] },
  { name: "PAX 0.0", flags: ["--format=posix", "--sparse", "--sparse-version=0.0"] },
  { name: "PAX 0.1", flags: ["--format=posix", "--sparse", "--sparse-version=0.1"] },
  { name: "PAX 1.0", flags: ["--format=posix", "--sparse", "--sparse-version=1.0"] },
];
/** sizes and where data is: none at all, a hole in front, at the end, more parts than one old header holds */
const files: Record<string, { size: number; data: number[] }> = {
  empty: { size: 0, data: [] },
  hole: { size: 5_000_000, data: [] },
  front: { size: 3_000_000, data: [2_999_990] },
  end: { size: 3_000_000, data: [0] },
  many: { size: 20_000_000, data: Array.from({ length: 60 }, (_, i) => i * 330_000) },
};

for (const { name, flags } of forms) {
  test.skipIf(why !== null)(`sparse files come out whole: ${name}${why ? ` (${why})` : ""}`, async () => {
    const folder = mkdtempSync("/var/tmp/banger-sparse-");
    try {
      for (const [file, { size, data }] of Object.entries(files)) makeSparse(`${folder}/${file}`, size, data);
      const made = Bun.spawnSync(["tar", "-C", folder, ...flags, "-cf", "-", ...Object.keys(files)]);
      expect(made.exitCode).toBe(0);
      expect(made.stdout.length).toBeLessThan(4_000_000);
      for (const step of [made.stdout.length, 700]) {
        const found = read(made.stdout, step);
        for (const file of Object.keys(files))
          expect(found.get(file)).toEqual(facts(readFileSync(`${folder}/${file}`)));
      }
      for (const cut of [1000, 3000, 20_000]) expect(() => read(made.stdout.subarray(0, cut), 512)).toThrow(TarError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

function makeSparse(path: string, size: number, data: number[]): void {
  writeFileSync(path, "");
  truncateSync(path, size);
  const file = new Uint8Array(readFileSync(path));
  for (const at of data) file.set(new TextEncoder().encode("0123456789"), at);
  Bun.spawnSync(["dd", `of=${path}`, "conv=sparse,notrunc", "status=none", "bs=4096"], { stdin: file });
}

type Facts = { size: number; sha: string };

function facts(content: Uint8Array): Facts {
  return { size: content.length, sha: createHash("sha256").update(content).digest("hex") };
}

function read(tar: Uint8Array, step: number): Map<string, Facts> {
  const found = new Map<string, Facts>();
  let parts: Uint8Array[] = [];
  let name = "";
  let size = 0;
  const keep = () => {
    if (name === "") return;
    const content = Buffer.concat(parts);
    expect(content.length).toBe(size);
    found.set(name, facts(content));
  };
  const scanner = new TarScanner(
    {
      entry(entry) {
        keep();
        parts = [];
        name = entry.name;
        size = entry.size;
      },
      data: (chunk) => void parts.push(chunk.slice()),
      padding() {},
    },
    anyTar,
  );
  for (let at = 0; at < tar.length; at += step) scanner.push(tar.subarray(at, at + step));
  scanner.finish();
  keep();
  return found;
}
