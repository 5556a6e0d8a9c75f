import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { publicHalf, readPublicHalf } from "./key-file.ts";
import { makeHostKey } from "./keys.ts";

test("a key is named by either half", () => {
  expect(["/h/id", "/h/id.pub"].map(publicHalf)).toEqual(["/h/id.pub", "/h/id.pub"]);
});

test("its line, or what to do", async () => {
  using folder = tempFolder("key-file");
  const path = `${folder.path}/id.pub`;
  const made = { code: "FILE_INVALID", hint: expect.stringContaining(`ssh-keygen -y -f ${folder.path}/id > ${path}`) };
  expect(await readPublicHalf(path).catch((error) => error)).toMatchObject({
    ...made,
    message: expect.stringContaining("is missing"),
  });
  writeFileSync(path, "no key\n");
  expect(await readPublicHalf(path).catch((error) => error)).toMatchObject({
    ...made,
    message: expect.stringContaining("is no public key"),
  });
  const key = makeHostKey("me").public;
  writeFileSync(path, `${key}\n`);
  expect((await readPublicHalf(path)).line).toBe(key);
});
