import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { ownerOf, readOptions } from "./root-helper-options.ts";

const folder = tempFolder("helper");
afterAll(() => folder[Symbol.dispose]());

test("its unit gives no options", () => {
  expect(readOptions([])).toEqual({
    metadata: "/etc/banger/install.json",
    unit: "bangerd.service",
    socket: "/run/banger-root/bangerd-root.sock",
  });
  expect(readOptions(["--metadata=/m", "--unit=u", "--socket=/s"])).toEqual({
    metadata: "/m",
    unit: "u",
    socket: "/s",
  });
});

test.each(["-v", "remove", "--owner=1000", "--socket"])("%s is refused", (word) => {
  expect(() => readOptions([word])).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("without valid metadata there is no owner", () => {
  const path = `${folder.path}/install.json`;
  expect(() => ownerOf(path)).toThrow(expect.objectContaining({ code: "SYSTEM_NOT_INSTALLED" }));
  writeFileSync(path, '{"schema":1,"owner":{"na');
  expect(() => ownerOf(path)).toThrow(expect.objectContaining({ code: "SYSTEM_METADATA_INVALID" }));
});
