import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { Deferred } from "../../base/async.ts";
import { tempFolder } from "../testing/temp.ts";
import { watchFolder } from "./folder-watch.ts";

test("a second change right after the first is reported too", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/f`;
  for (let round = 0; round < 5; round++) {
    fs.writeFileSync(path, "");
    let size = 0;
    const [first, second] = [new Deferred<void>(), new Deferred<void>()];
    const watch = watchFolder(folder.path, () => {
      size = fs.statSync(path).size;
      if (size >= 1) first.resolve();
      if (size >= 2) second.resolve();
    });
    fs.appendFileSync(path, "1");
    await first.promise;
    fs.appendFileSync(path, "2");
    await second.promise;
    expect(size).toBe(2);
    watch.close();
  }
});

test("it does not call after it was closed; a missing folder is an error", async () => {
  using folder = tempFolder();
  let calls = 0;
  const heard = new Deferred<void>();
  const watch = watchFolder(folder.path, () => {
    calls++;
    heard.resolve();
  });
  fs.writeFileSync(`${folder.path}/f`, "");
  await heard.promise;
  watch.close();
  const before = calls;
  fs.writeFileSync(`${folder.path}/g`, "");
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(calls).toBe(before);
  expect(() => watchFolder(`${folder.path}/none`, () => {})).toThrow();
});
