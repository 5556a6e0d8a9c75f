/** An image file and what it refers to, in a real folder. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import type { TarEntry } from "../formats/tar/header.ts";
import { TarScanner } from "../formats/tar/scanner.ts";
import { anyTar } from "../formats/tar/testing/archive.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { workspaceTar } from "../workspace/stream.ts";
import { readImageFile } from "./read.ts";

const base = tempFolder("imagefile");
afterAll(() => base[Symbol.dispose]());

let count = 0;
/** A folder with `dev.toml` and what `make` adds. */
function project(toml: string, make: (folder: string) => void = () => {}): string {
  const folder = `${base.path}/${count++}`;
  mkdirSync(folder);
  make(folder);
  writeFileSync(`${folder}/dev.toml`, toml);
  return folder;
}

const files = (...tables: string[]) => `base = "x"\n${tables.map((one) => `[[files]]\n${one}\n`).join("")}`;
const problemsOf = (work: Promise<unknown>) =>
  work.then(
    () => [],
    (error: { details?: { problems?: string[] } }) => error.details?.problems ?? [String(error)],
  );

test("files of a folder that the image would not keep are listed", async () => {
  const toml = files(
    'path = "/root/.ssh"\nsource = "ssh"',
    'path = "/var"\nsource = "var"',
    'path = "/etc"\nsource = "etc"',
  );
  const folder = project(toml, (at) => {
    for (const inner of ["ssh", "var/run/x", "etc/ssh"]) mkdirSync(`${at}/${inner}`, { recursive: true });
    for (const inner of ["ssh/authorized_keys", "ssh/config", "var/run/x/y", "etc/ssh/ssh_host_rsa_key", "etc/ok"])
      writeFileSync(`${at}/${inner}`, "");
  });
  expect(await problemsOf(readImageFile("dev.toml", folder))).toEqual([
    "files.0.source: /root/.ssh/authorized_keys belongs to each VM and is never kept in an image",
    "files.1.source: files in /var/run are not kept in an image",
    "files.2.source: /etc/ssh/ssh_host_rsa_key belongs to each VM and is never kept in an image",
  ]);
});

test("content and source, a file and a folder, with modes, links and times", async () => {
  const toml = files(
    'path = "/etc/motd"\ncontent = "hi\\n"',
    'path = "/usr/local/bin/tool"\nsource = "tool"\nmode = "0700"\nowner = "app"',
    'path = "/opt/app"\nsource = "./src/app/"',
  );
  const folder = project(toml, (at) => {
    mkdirSync(`${at}/src/app/deep`, { recursive: true });
    writeFileSync(`${at}/tool`, "#!/bin/sh\n");
    writeFileSync(`${at}/src/app/main`, "program");
    chmodSync(`${at}/src/app/main`, 0o755);
    writeFileSync(`${at}/src/app/deep/.hidden`, "h");
    symlinkSync("/etc/passwd", `${at}/src/app/link`);
    utimesSync(`${at}/src/app/main`, 5, 5);
  });
  const plan = await readImageFile("dev.toml", folder);
  expect(plan.files.map(({ path, owner }) => [path, owner])).toEqual([
    ["/etc/motd", "root"],
    ["/usr/local/bin/tool", "app"],
    ["/opt/app", "root"],
  ]);
  const tars = await Promise.all(
    plan.files.map(async ({ entries }) => {
      const found: string[] = [];
      const content: string[] = [];
      const sink = {
        entry: ({ name, kind, mode, link }: TarEntry) =>
          void found.push(`${name} ${kind} ${mode.toString(8)} ${link}`.trim()),
        data: (chunk: Uint8Array) => void content.push(Buffer.from(chunk).toString()),
        padding: () => {},
      };
      const scanner = new TarScanner(sink, anyTar);
      const tar = { async prepare() {}, entries: [...entries], git: async function* () {} };
      for await (const chunk of workspaceTar(tar)) scanner.push(chunk);
      scanner.finish();
      return [...found, content.join("")];
    }),
  );
  expect(tars).toEqual([
    ["motd file 644", "hi\n"],
    ["tool file 700", "#!/bin/sh\n"],
    [
      "app folder 755",
      "app/deep folder 755",
      "app/deep/.hidden file 644",
      "app/link symlink 777 /etc/passwd",
      "app/main file 755",
      "hprogram",
    ],
  ]);
  expect(plan.files[2]?.entries.find(({ path }) => path === "app/main")?.mtimeNs).toBe(5_000_000_000n);
});

test("nothing can escape the folder, and everything that is missing is reported at once", async () => {
  const toml = files(
    'path = "/a"\nsource = "link"',
    'path = "/b"\nsource = "up/secret"',
    'path = "/c"\nsource = "missing"',
    'path = "/d"\nsource = "folder"\nmode = "0755"',
    'path = "/e"\nsource = "file/below"',
  );
  const folder = project(toml, (at) => {
    mkdirSync(`${at}/folder`);
    writeFileSync(`${at}/file`, "");
    symlinkSync("/etc/passwd", `${at}/link`);
    symlinkSync("..", `${at}/up`);
  });
  expect(await problemsOf(readImageFile("./dev.toml", folder))).toEqual([
    "files.0.source: link is a symbolic link, which is not followed",
    "files.1.source: up is a symbolic link, which is not followed",
    "files.2.source: missing does not exist",
    "files.3.source: folder is a folder: `mode` is only for files",
    "files.4.source: file/below does not exist",
  ]);
});

test("a socket or fifo in a folder, and a name that can't be sent", async () => {
  const folder = project(files('path = "/a"\nsource = "in"'), (at) => {
    mkdirSync(`${at}/in`);
    Bun.spawnSync(["mkfifo", `${at}/in/fifo`]);
    writeFileSync(`${at}/in/two\nlines`, "");
  });
  expect(await problemsOf(readImageFile("dev.toml", folder))).toEqual([
    "files.0.source: in/fifo is not a file, folder or link",
    "files.0.source: in/two\\u{a}lines has a name that can't be sent",
  ]);
});

test("a link that comes after the plan is not followed", async () => {
  const folder = project(files('path = "/a"\nsource = "file"'), (at) => writeFileSync(`${at}/file`, "mine"));
  const plan = await readImageFile("dev.toml", folder);
  Bun.spawnSync(["ln", "-sf", "/etc/passwd", `${folder}/file`]);
  const vanished: string[] = [];
  const tar = { async prepare() {}, entries: [...(plan.files[0]?.entries ?? [])], git: async function* () {} };
  const chunks: Uint8Array[] = [];
  for await (const chunk of workspaceTar(tar, { onVanished: (path) => void vanished.push(path) })) chunks.push(chunk);
  expect(vanished).toEqual(["a"]);
  expect(Buffer.concat(chunks).toString()).not.toContain("root:");
});

test("a file that can't be read is reported with the reason", async () => {
  const folder = project('base = "x"');
  mkdirSync(`${folder}/dir.toml`);
  writeFileSync(`${folder}/huge.toml`, `# ${"x".repeat(1_100_000)}`);
  expect(await problemsOf(readImageFile("none.toml", folder))).toEqual(["there is no such file"]);
  expect(await problemsOf(readImageFile("dir.toml", folder))).toEqual(["it is a folder, not a file"]);
  expect(await problemsOf(readImageFile("huge.toml", folder))).toEqual(["it is longer than 1048576 bytes"]);
  expect(await problemsOf(readImageFile("dev.toml/x", folder))).toEqual(["a part of its path is a file"]);
});

test("an image file of 1 MiB is read, and one byte more is refused", async () => {
  const folder = project('base = "x"');
  for (const more of [0, 1]) writeFileSync(`${folder}/dev${more}.toml`, 'base = "x"\n#'.padEnd(1_048_576 + more, "x"));
  expect(await problemsOf(readImageFile("dev0.toml", folder))).toEqual([]);
  expect(await problemsOf(readImageFile("dev1.toml", folder))).toEqual(["it is longer than 1048576 bytes"]);
});

test("at most 20 problems of referenced files are listed", async () => {
  const folder = project(files('path = "/a"\nsource = "in"'), (at) => {
    mkdirSync(`${at}/in`);
    for (let name = 0; name < 20; name++) writeFileSync(`${at}/in/${name}\n`, "");
  });
  expect(await problemsOf(readImageFile("dev.toml", folder))).toHaveLength(20);
  writeFileSync(`${folder}/in/20\n`, "");
  expect(await problemsOf(readImageFile("dev.toml", folder))).toHaveLength(20);
});
