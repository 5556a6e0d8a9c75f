import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { saveFile } from "./save-file.ts";

async function* pieces(...some: string[]): AsyncGenerator<Uint8Array, void, void> {
  for (const one of some) yield new TextEncoder().encode(one);
}

test("a file gets its name when it is complete, and replaces the old one", async () => {
  using temp = tempFolder();
  writeFileSync(`${temp.path}/a`, "old");
  await saveFile(`${temp.path}/a`, pieces("ne", "w"));
  expect(readFileSync(`${temp.path}/a`, "utf8")).toBe("new");
  expect(readdirSync(temp.path)).toEqual(["a"]);
});

test("no other user can read it, whatever the umask is and whoever could read the old one", async () => {
  using temp = tempFolder();
  const path = `${temp.path}/a`;
  writeFileSync(path, "old", { mode: 0o666 });
  const before = process.umask(0);
  try {
    await saveFile(path, pieces("secret"));
  } finally {
    process.umask(before);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a stream that fails leaves the old file", async () => {
  using temp = tempFolder();
  writeFileSync(`${temp.path}/a`, "old");
  const broken = async function* () {
    yield* pieces("ne");
    throw new Error("line lost");
  };
  await expect(saveFile(`${temp.path}/a`, broken())).rejects.toThrow("line lost");
  expect([readFileSync(`${temp.path}/a`, "utf8"), readdirSync(temp.path)]).toEqual(["old", ["a"]]);
});

test("an unwritable place is reported, and is not an internal error", async () => {
  using temp = tempFolder();
  mkdirSync(`${temp.path}/folder`);
  for (const path of [`${temp.path}/none/a`, `${temp.path}/folder`]) {
    await expect(saveFile(path, pieces("x"))).rejects.toMatchObject({ code: "FILE_INVALID" });
  }
  await expect(saveFile("/dev/full/x", pieces("x"))).rejects.toMatchObject({ code: "FILE_INVALID" });
  expect([existsSync(`${temp.path}/none`), readdirSync(temp.path)]).toEqual([false, ["folder"]]);
});
