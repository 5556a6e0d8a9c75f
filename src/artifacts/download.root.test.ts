/** A download that does not fit on its disk, here a small tmpfs. */
import { expect } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import type { Digest } from "../base/names.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { Downloads } from "./download.ts";

const never = new AbortController().signal;
const digest = `sha256:${"0".repeat(64)}` as Digest;

async function* pieces(): AsyncGenerator<Uint8Array, void, void> {
  for (;;) yield new Uint8Array(100_000);
}

gatedTest("root", "a disk that fills up is reported as full, without a retry, and nothing is left on it", async () => {
  using temp = tempFolder("full");
  const tiny = `${temp.path}/tiny`;
  mkdirSync(tiny);
  const exec = createExec(process.env as Record<string, string>);
  expect((await exec(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tiny])).exitCode).toBe(0);
  try {
    const paths = pathsOf({ state: tiny, cache: tiny, config: tiny, runtime: tiny });
    const wanted = { digest, size: 10_000_000, limit: 10_000_000, from: "r.example/tool", what: "tool" };
    let asked = 0;
    const open = async () => {
      asked += 1;
      return { from: 0, total: null, body: pieces() };
    };
    const downloads = new Downloads({ paths, pause: async () => {}, freeBytes: async () => 2 ** 40 });
    await expect(downloads.blob(wanted, open, () => {}, never)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(asked).toBe(1);
    expect(readdirSync(paths.blobs)).toEqual([]);
    // with the check of free space, which the fake bypasses above, nothing is requested
    const looking = new Downloads({ paths, pause: async () => {} });
    const numbers = expect.stringMatching(/41\.5 MiB are needed, 10\d\d? KiB|1 MiB/);
    await expect(looking.blob(wanted, open, () => {}, never)).rejects.toMatchObject({
      code: "DISK_FULL",
      message: numbers,
    });
    expect(asked).toBe(1);
  } finally {
    await exec(["umount", tiny]);
  }
});
