import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileIdentity, moveSocket, watchNearest } from "./socket-file.ts";

test("a file keeps its identity under another name, and another file under its name has its own", async () => {
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

test("a folder is watched, and while it is missing the nearest one above it", async () => {
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
