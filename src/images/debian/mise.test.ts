import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { isError } from "../../base/errors/error.ts";
import { archive, collect, file, folder } from "../../formats/tar/testing/archive.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { downloadMise, miseProgram } from "./mise.ts";

const signal = new AbortController().signal;

test("without npm the registry is asked directly; what isn't the pinned package is refused", async () => {
  using temp = tempFolder();
  const asked: string[] = [];
  const exec = fakeExec({
    [`npm pack --ignore-scripts --silent --pack-destination ${temp.path} @jdxcode/mise-linux-x64@2026.9.15`]: {
      exitCode: 1,
    },
  });
  const fetchBytes = async (url: string) => {
    asked.push(url);
    return new TextEncoder().encode("something else");
  };
  const env = { npm_config_registry: "https://npm.example.com/" };
  const error = await downloadMise({ exec, env, fetchBytes }, temp.path, signal).catch((thrown: unknown) => thrown);
  expect(isError(error, "DOWNLOAD_DAMAGED")).toBe(true);
  expect(asked).toEqual(["https://npm.example.com/@jdxcode/mise-linux-x64/-/mise-linux-x64-2026.9.15.tgz"]);
});

test("only the program is taken out of the package", async () => {
  using temp = tempFolder();
  const program = new Uint8Array(300_000).fill(7);
  const members = [
    file("package/README.md", "x"),
    folder("package/bin"),
    file("package/bin/mise", program),
    file("package/x", "y"),
  ];
  writeFileSync(`${temp.path}/p.tgz`, gzipSync(archive(members)));
  const { entry, content } = await miseProgram(`${temp.path}/p.tgz`, "usr/local/bin/mise", 5);
  expect(entry).toEqual({
    name: "usr/local/bin/mise",
    kind: "file",
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 300_000,
    mtime: 5,
    link: "",
  });
  expect(Buffer.from(await collect(content as AsyncIterable<Uint8Array>)).equals(program)).toBe(true);
});

test("a package without the program is refused", async () => {
  using temp = tempFolder();
  writeFileSync(`${temp.path}/p.tgz`, gzipSync(archive([file("package/README.md", "x")])));
  const error = await miseProgram(`${temp.path}/p.tgz`, "mise", 0).catch((thrown: unknown) => thrown);
  expect(isError(error, "DOWNLOAD_DAMAGED")).toBe(true);
});
