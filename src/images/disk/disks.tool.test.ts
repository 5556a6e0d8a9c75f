/** A disk on its way from its file to the daemon's: without its holes, and within limits. */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { archive, chunked, collect, file, folder } from "../../formats/tar/testing/archive.ts";
import { endOfArchive } from "../../formats/tar/writer.ts";
import { dataParts, joined } from "../../host/files/sparse-read.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import { pathsOf } from "../../model/paths.ts";
import { openRootfs } from "../rootfs/open.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { receiveDisk } from "./receive.ts";
import { diskTar } from "./send.ts";

const never = new AbortController().signal;
const mib = 1024 ** 2;

function world(bytes = 1024 * mib) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const deps = imageDeps(paths, { budget: { bytes, entries: 1000 } });
  const receive = (tar: AsyncIterable<Uint8Array>, signal = never) =>
    receiveDisk(deps, { name: "disk", tar }, () => {}, signal);
  return { temp, paths, receive, disk: `${temp.path}/root.ext4` };
}

/** With data at each of the offsets. */
function writeAt(path: string, size: number, offsets: readonly number[]): void {
  const out = openSync(path, constants.O_RDWR | constants.O_CREAT);
  ftruncateSync(out, size);
  for (const offset of offsets) writeSync(out, `data at ${offset}`, offset);
  closeSync(out);
}

function makeExt4(path: string, size: string): void {
  // an ordinary user's PATH may lack it
  const program = Bun.which("mke2fs", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` }) ?? "mke2fs";
  const made = Bun.spawnSync([program, "-q", "-t", "ext4", path, size]);
  expect(made.exitCode).toBe(0);
}

const sha = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
const onDisk = (path: string) => statSync(path).blocks * 512;
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "none",
    (error: { code?: string }) => error.code ?? "none",
  );

test("holes are found, and small ones are data where there are too many", async () => {
  const { temp } = world();
  using _ = temp;
  const path = `${temp.path}/sparse`;
  writeAt(path, 300 * mib, [0, 64 * mib, 65 * mib, 299 * mib]);
  const { size, parts } = await dataParts(path, 100);
  expect([size, parts.length]).toEqual([300 * mib, 4]);
  expect(parts.every(({ length }) => length <= 64 * 1024)).toBe(true);
  const fewer = (await dataParts(path, 3)).parts;
  expect(fewer.map(({ offset }) => offset)).toEqual([0, 64 * mib, 299 * mib]);
  expect(fewer[1]?.length).toBeGreaterThan(mib);
  truncateSync(path, 0);
  expect(await dataParts(path, 3)).toEqual({ size: 0, parts: [] });
  const apart = [0, 10, 30].map((offset) => ({ offset, length: 5 }));
  expect(joined(apart, 6)).toEqual([
    { offset: 0, length: 15 },
    { offset: 30, length: 5 },
  ]);
});

gatedTest("tool:mke2fs", "the received disk equals the sent one, and holes take no room", async () => {
  const { temp, receive, disk } = world();
  using _ = temp;
  makeExt4(disk, "1G");
  const { tar, isDisk, source } = await openRootfs(disk, {
    stdin: chunked(new Uint8Array()),
    uid: 0,
    cage: realCage(),
    signal: never,
  });
  expect([isDisk, source]).toEqual([true, `file ${disk}`]);
  let sent = 0;
  const counted = async function* () {
    for await (const chunk of tar) {
      sent += chunk.length;
      yield chunk;
    }
  };
  const path = await receive(counted());
  expect(sent).toBeLessThan(200 * mib);
  expect(statSync(path).size).toBe(1024 * mib);
  expect(onDisk(path)).toBeLessThanOrEqual(onDisk(disk) + mib);
  expect(Bun.spawnSync(["cmp", disk, path]).exitCode).toBe(0);
});

gatedTest("tool:tar", "the stream is what GNU tar reads too", async () => {
  const { temp } = world();
  using _ = temp;
  const path = `${temp.path}/sparse`;
  writeAt(path, 50 * mib + 123, [0, 9 * mib, 50 * mib]);
  const out = Bun.spawnSync(["tar", "-C", temp.path, "-xf", "-"], { stdin: await collect(diskTar(path)) });
  expect([out.exitCode, out.stderr.toString()]).toEqual([0, ""]);
  expect(sha(`${temp.path}/disk`)).toBe(sha(path));
});

gatedTest(
  "tool:mke2fs",
  "refused, and nothing is left: too large, cut short, not a disk, two, none at all, cancelled",
  async () => {
    const { temp, paths, receive, disk } = world(100_000);
    using _ = temp;
    makeExt4(disk, "200M");
    writeAt(
      disk,
      200 * mib,
      Array.from({ length: 100 }, (_, i) => (i + 50) * mib),
    );
    const whole = await collect(diskTar(disk));
    const small = world();
    using _small = small.temp;
    const cases: [string, AsyncIterable<Uint8Array>, string][] = [
      ["over the limit", chunked(whole), "IMAGE_TOO_LARGE"],
      ["no ext4", chunked(archive([file("disk", "x".repeat(5000))])), "IMAGE_INVALID"],
      ["two files", chunked(archive([file("a", "x"), file("b", "y")])), "IMAGE_INVALID"],
      ["a folder", chunked(archive([folder("a")])), "IMAGE_INVALID"],
      ["nothing", chunked(endOfArchive), "IMAGE_INVALID"],
      ["no tar", chunked(new Uint8Array(4096).fill(7)), "IMAGE_INVALID"],
    ];
    for (const [what, tar, code] of cases) expect([what, await codeOf(receive(tar))]).toEqual([what, code]);
    expect(await codeOf(small.receive(chunked(whole.slice(0, whole.length - 5000))))).toBe("IMAGE_INVALID");
    const cancel = new AbortController();
    const silent = async function* () {
      yield whole.slice(0, 5000);
      cancel.abort(new Error("given up"));
      await new Promise(() => {});
    };
    await expect(small.receive(silent(), cancel.signal)).rejects.toThrow("given up");
    expect([...readdirSync(paths.partial), ...readdirSync(small.paths.partial)]).toEqual([]);
  },
);

gatedTest(
  "tool:mke2fs",
  "a file that is cut short is refused before it is sent, one that shrinks meanwhile when it shrinks",
  async () => {
    const { temp, disk } = world();
    using _ = temp;
    makeExt4(disk, "100M");
    const open = () => openRootfs(disk, { stdin: chunked(new Uint8Array()), uid: 0, cage: realCage(), signal: never });
    const { tar } = await open();
    const iterator = tar[Symbol.asyncIterator]();
    await iterator.next();
    truncateSync(disk, 50_000);
    const reading = (async () => {
      while (!(await iterator.next()).done);
    })();
    await expect(reading).rejects.toThrow("changed while it was being read");
    await expect(open()).rejects.toThrow("is cut short: its file system has 104857600 bytes, the file 50000");
    writeFileSync(disk, "QFI\xfb", "latin1");
    await expect(open()).rejects.toThrow("is a qcow2 disk image");
  },
);
