/** Our tar headers, read by the host's tar. */
import { afterAll, expect } from "bun:test";
import * as fs from "node:fs";
import fc from "fast-check";
import { endOfArchive, padding } from "../formats/tar/writer.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { tarHeader } from "./tar.ts";

type TarEntry = Parameters<typeof tarHeader>[0] & { size: number };

const base = tempFolder("tar");
afterAll(() => base[Symbol.dispose]());

function archive(entries: { entry: TarEntry; data: Uint8Array }[]): Uint8Array {
  const parts = entries.flatMap(({ entry, data }) => [tarHeader(entry, entry.size), data, padding(data.length)]);
  return Buffer.concat([...parts, endOfArchive]);
}

function extract(bytes: Uint8Array): string {
  const into = fs.mkdtempSync(`${base.path}/`);
  const { exitCode, stderr } = Bun.spawnSync(["tar", "-x", "-p", "-C", into], { stdin: bytes });
  expect([exitCode, stderr.toString().replace(/^.*implausibly old time stamp.*\n/, "")]).toEqual([0, ""]);
  return into;
}

const file = (path: string, more: Partial<TarEntry> = {}): TarEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  size: 0,
  mtimeNs: 1_700_000_000_000_000_000n,
  ...more,
});

gatedTest(
  "tool:tar",
  "any name, mode and content arrive as they are",
  () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 255 })
      .map((all) => Buffer.from(all.map((byte) => (byte === 0 || byte === 47 ? 65 : byte))).toString("latin1"));
    const path = fc
      .array(
        name.filter((each) => each !== "." && each !== ".."),
        { minLength: 1, maxLength: 6 },
      )
      .map((names) => names.join("/"));
    fc.assert(
      fc.property(
        path,
        fc.uint8Array({ maxLength: 1500 }),
        fc.nat(0o777),
        fc.bigInt({ min: 1n, max: 1_700_000_000_000_000_000n }),
        (each, data, mode, mtimeNs) => {
          const into = extract(
            archive([{ entry: file(each, { size: data.length, mode: mode | 0o400, mtimeNs }), data }]),
          );
          const there = Buffer.concat([Buffer.from(`${into}/`), Buffer.from(each, "latin1")]);
          expect(fs.readFileSync(there).equals(Buffer.from(data))).toBe(true);
          const info = fs.statSync(there, { bigint: true });
          expect([Number(info.mode) & 0o777, info.mtimeNs]).toEqual([mode | 0o400, mtimeNs]);
          fs.rmSync(into, { recursive: true });
        },
      ),
      { numRuns: 40 },
    );
  },
  30_000,
);

gatedTest("tool:tar", "links with long targets, folders with long names", () => {
  const target = `${"t/".repeat(200)}end`;
  const folder = `${"d".repeat(120)}/${"e".repeat(130)}`;
  const into = extract(
    archive([
      { entry: { ...file("link"), kind: "link", target }, data: new Uint8Array() },
      { entry: { ...file(folder), kind: "folder", mode: 0o750 }, data: new Uint8Array() },
      { entry: { ...file("before"), mtimeNs: -5_250_000_000n }, data: new Uint8Array() },
    ]),
  );
  expect(fs.readlinkSync(`${into}/link`)).toBe(target);
  expect(fs.statSync(`${into}/${folder}`).mode & 0o777).toBe(0o750);
  expect(fs.statSync(`${into}/before`).mtimeMs).toBe(-5250);
});

gatedTest("tool:tar", "a size over 8 GiB is in a PAX record", () => {
  const header = Buffer.from(tarHeader(file("big"), 10 * 1024 ** 3)).toString("latin1");
  expect(header).toContain(" size=10737418240\n");
  expect(header.length).toBe(1536);
});

gatedTest("tool:tar", "an ordinary file takes one block", () => {
  expect(tarHeader(file("src/a.ts"), 0).length).toBe(512);
  expect(tarHeader(file(`${"d".repeat(90)}/${"e".repeat(90)}`), 0).length).toBe(512);
});
