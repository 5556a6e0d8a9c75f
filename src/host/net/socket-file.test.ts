import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenUnix } from "./socket.ts";
import { fileIdentity, isForeign, moveSocket, watchNearest } from "./socket-file.ts";

test("a file keeps its identity when it is renamed, and another file under its name has a different one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sf-"));
  writeFileSync(`${folder}/a`, "");
  const first = await fileIdentity(`${folder}/a`);
  await moveSocket(`${folder}/a`, `${folder}/b`);
  writeFileSync(`${folder}/a`, "");
  expect(await fileIdentity(`${folder}/b`)).toBe(first);
  expect(await fileIdentity(`${folder}/a`)).not.toBe(first);
  expect(await fileIdentity(`${folder}/c`)).toBeNull();
  rmSync(folder, { recursive: true });
});

test("a file is foreign; a socket or a missing path is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sf-"));
  writeFileSync(`${folder}/file`, "");
  const listener = await listenUnix(`${folder}/s`, { mode: 0o600 }, () => {});
  expect(await Promise.all(["file", "s", "none"].map((name) => isForeign(`${folder}/${name}`)))).toEqual([
    true,
    false,
    false,
  ]);
  await listener.close();
  rmSync(folder, { recursive: true });
});

test("watches a folder, or the nearest one above it while it is missing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sf-"));
  for (const [watched, change] of [
    [folder, () => writeFileSync(`${folder}/x`, "")],
    [`${folder}/not/yet`, () => mkdirSync(`${folder}/not`)],
  ] as const) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = watchNearest(watched, resolve);
    change();
    await promise;
    watch.close();
  }
  rmSync(folder, { recursive: true });
});
