import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { isError } from "../../base/errors/error.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { debianKeyring, findArchive } from "./archive.ts";
import { publicMirrors } from "./sources.ts";

const exec = () => fakeExec({ "apt-config dump": { stdout: 'Acquire::http::Proxy "http://p:1";\n' } });

function host(files: Record<string, string>): ReturnType<typeof tempFolder> {
  const folder = tempFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(`${folder.path}${name.slice(0, name.lastIndexOf("/"))}`, { recursive: true });
    writeFileSync(folder.path + name, text);
  }
  return folder;
}

test("the host's mirrors, keyring and proxy are found", async () => {
  using root = host({
    [debianKeyring]: "",
    "/etc/apt/sources.list": "deb http://mirror.example.com/debian bookworm main\n",
    "/etc/apt/sources.list.d/other.list": "deb https://packages.example.com/apt stable main\n",
    "/etc/apt/sources.list.d/readme.txt": "deb http://x.example.com/debian bookworm main\n",
  });
  expect(await findArchive({ exec: exec(), root: root.path }, "bookworm")).toEqual({
    mirrors: [{ uri: "http://mirror.example.com/debian", suites: ["bookworm"] }],
    keyring: debianKeyring,
    options: [{ key: "Acquire::http::Proxy", value: "http://p:1" }],
  });
});

test("a host that isn't Debian uses the public archive", async () => {
  using root = host({ [debianKeyring]: "" });
  expect((await findArchive({ exec: exec(), root: root.path }, "bookworm")).mirrors).toEqual(publicMirrors("bookworm"));
});

test("without Debian's keyring nothing can be checked, so nothing is fetched", async () => {
  using root = host({});
  const error = await findArchive({ exec: exec(), root: root.path }, "bookworm").catch((thrown: unknown) => thrown);
  expect(isError(error, "RECIPE_UNAVAILABLE") && error.hint).toContain("debian-archive-keyring");
});
