/** A user's own kernel: how much of it is read. */
import { expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { openOwnKernel } from "./own.ts";

const never = new AbortController().signal;

test("a configuration of 4 MiB is read, and one byte more refused", async () => {
  using temp = tempFolder();
  const [image, config] = [`${temp.path}/vmlinux`, `${temp.path}/config`];
  for (const file of [image, config]) writeFileSync(file, "");
  truncateSync(config, 4_194_304);
  expect(await openOwnKernel({ image, config }, never)).toMatchObject({ source: `file ${image}` });
  truncateSync(config, 4_194_305);
  await expect(openOwnKernel({ image, config }, never)).rejects.toThrow("longer than 4194304 bytes");
});
