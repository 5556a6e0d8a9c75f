import { expect } from "bun:test";
import * as fs from "node:fs";
import { createExec } from "../process/exec-node.ts";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { copySparse, isDiskFull, openWrite, writeAtomic } from "./files.ts";

gatedTest("root", "a full disk is known as such, and leaves nothing under a final name", async () => {
  using folder = tempFolder();
  const exec = createExec({});
  const mounted = await exec(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder.path]);
  if (mounted.exitCode !== 0) throw new Error(Buffer.from(mounted.stderr).toString());
  try {
    const big = new Uint8Array(1024 * 1024);
    const errors = [
      await writeAtomic(`${folder.path}/f`, big).catch((error: unknown) => error),
      await copySparse("/proc/self/exe", `${folder.path}/g`).catch((error: unknown) => error),
    ];
    const sink = await openWrite(`${folder.path}/h`);
    errors.push(await sink.write(big).catch((error: unknown) => error));
    await sink.abort();
    expect(errors.map(isDiskFull)).toEqual([true, true, true]);
    expect(fs.readdirSync(folder.path)).toEqual([]);
  } finally {
    await exec(["umount", folder.path]);
  }
});
