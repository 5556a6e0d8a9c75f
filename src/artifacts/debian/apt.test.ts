import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { isError } from "../../base/errors/error.ts";
import { readText } from "../../host/files/files.ts";
import { fakeExec } from "../../host/testing/exec.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { dependenciesIn, openApt } from "./apt.ts";
import type { DebianArchive } from "./archive.ts";
import { publicMirrors } from "./sources.ts";

const archive: DebianArchive = {
  mirrors: publicMirrors("bookworm"),
  keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
  options: [{ key: "Acquire::http::Proxy", value: "http://proxy.example.com:3128" }],
};
const signal = new AbortController().signal;

test("apt works in folders of its own", async () => {
  using folder = tempFolder();
  const exec = fakeExec({
    "apt-get -qq update": {},
    "apt-cache depends --no-recommends --no-suggests linux-image-cloud-amd64": {
      stdout: "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n",
    },
    "apt-get -qq download linux-image-6.1.0-56-cloud-amd64": ({ cwd, env }) => {
      expect(env?.["APT_CONFIG"]).toBe(`${folder.path}/apt.conf`);
      expect(env?.["https_proxy"]).toBe("http://p");
      writeFileSync(`${cwd}/linux-image-6.1.0-56-cloud-amd64_6.1.1_amd64.deb`, "");
      return {};
    },
  });
  const apt = await openApt({ exec, env: { https_proxy: "http://p", SECRET: "x" } }, archive, folder.path, signal);
  const [name = ""] = await apt.dependencies("linux-image-cloud-amd64");
  expect(await apt.download(name)).toBe(`${folder.path}/debs/linux-image-6.1.0-56-cloud-amd64_6.1.1_amd64.deb`);
  expect(exec.calls).toHaveLength(3);
  const config = await readText(`${folder.path}/apt.conf`);
  expect(config).toContain('Acquire::http::Proxy "http://proxy.example.com:3128";');
  expect(config).not.toContain("/var/lib/apt");
  expect(await readText(`${folder.path}/etc/debian.sources`)).toContain(`Signed-By: ${archive.keyring}`);
});

test("apt's own message is included when the archive can't be read", async () => {
  using folder = tempFolder();
  const stderr = "W: something\nE: The repository 'http://x bookworm InRelease' is not signed.\n";
  const exec = fakeExec({ "apt-get -qq update": { exitCode: 100, stderr } });
  const error = await openApt({ exec, env: {} }, archive, folder.path, signal).catch((thrown: unknown) => thrown);
  expect(isError(error, "TOOL_FAILED") && error.message).toContain("is not signed");
});

test("only plain dependencies are taken from apt-cache", () => {
  const text = "x\n  Depends: aa\n |Depends: bb\n  PreDepends: cc\n  Depends: <virtual>\n    d\n  Conflicts: e\n";
  expect(dependenciesIn(text)).toEqual(["aa", "cc"]);
});
