import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { publicMirrors } from "../../artifacts/debian/sources.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { fileAdditions } from "./additions.ts";
import { imageFiles, isDropped } from "./files.ts";

const archive = {
  mirrors: publicMirrors("bookworm"),
  keyring: "/usr/share/keyrings/debian-archive-keyring.pgp",
  options: [
    { key: "Acquire::http::Proxy", value: "http://cache.example.com:3142" },
    { key: "Acquire::https::Proxy", value: "http://user:secret@proxy.example.com" },
    { key: "Acquire::https::CaInfo", value: "/home/me/ca.pem" },
  ],
};
const files = imageFiles(archive);
const added = new Set(files.map((file) => file.name));

function textOf(name: string): string {
  const file = files.find((one) => one.name === name);
  return file && "text" in file ? file.text : "";
}

test("sshd takes keys only", () => {
  const lines = textOf("etc/ssh/sshd_config.d/10-banger.conf").split("\n");
  for (const line of [
    "PermitRootLogin prohibit-password",
    "PubkeyAuthentication yes",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "AuthorizedKeysFile /root/.ssh/authorized_keys",
    "StrictModes yes",
  ])
    expect(lines).toContain(line);
});

test("the guest's apt has the host's mirrors and proxy, without secrets and the host's paths", () => {
  const all = files.map((file) => ("text" in file ? file.text : file.link)).join("\n");
  expect(textOf("etc/apt/sources.list.d/debian.sources")).toContain("/usr/share/keyrings/debian-archive-keyring.gpg");
  expect(textOf("etc/apt/apt.conf.d/90banger")).toContain("http://cache.example.com:3142");
  expect(all).not.toContain("secret");
  expect(all).not.toContain("/home/me");
});

test("what belongs to one machine or one build is dropped", () => {
  for (const name of [
    "etc/ssh/ssh_host_ed25519_key",
    "etc/machine-id",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list.d/0000debian.sources",
    "var/log/dpkg.log",
    "var/log/journal/x",
    "var/lib/dpkg/status-old",
    "etc/systemd/system/multi-user.target.wants/docker.service",
    "usr/lib/systemd/system/sysinit.target.wants/systemd-random-seed.service",
  ])
    expect([name, isDropped(name, added)]).toEqual([name, true]);
});

test("everything else stays", () => {
  for (const name of [
    "",
    "etc",
    "etc/ssh/sshd_config",
    "etc/apt/sources.list.d",
    "var/log",
    "var/lib/dpkg/status",
    "usr/lib/systemd/system/systemd-random-seed.service",
    "usr/lib/systemd/system/docker.service",
    "etc/systemd/system/sockets.target.wants",
  ])
    expect([name, isDropped(name, added)]).toEqual([name, false]);
});

test("socket-activated services have their sockets enabled", () => {
  const links = new Map(files.map((file) => [file.name, "link" in file ? file.link : ""]));
  for (const socket of ["ssh.socket", "docker.socket"]) {
    expect(links.get(`etc/systemd/system/sockets.target.wants/${socket}`)).toBe(`/lib/systemd/system/${socket}`);
  }
});

test("docker builds with BuildKit, and its compose is the older program", () => {
  expect(JSON.parse(textOf("etc/docker/daemon.json"))).toEqual({ features: { buildkit: true } });
  using temp = tempFolder();
  writeFileSync(`${temp.path}/docker-compose`, '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
  writeFileSync(`${temp.path}/plugin`, textOf("usr/libexec/docker/cli-plugins/docker-compose"), { mode: 0o755 });
  const run = (...words: string[]) =>
    execFileSync(`${temp.path}/plugin`, words, { env: { PATH: `${temp.path}:/usr/bin:/bin` }, encoding: "utf8" });
  expect(JSON.parse(run("docker-cli-plugin-metadata"))).toMatchObject({ SchemaVersion: "0.1.0" });
  expect(run("--context", "x", "compose", "up", "a b")).toBe("<up><a b>");
});

test("swapon gets a swap file's path on the disk, and its other arguments unchanged", () => {
  const script = textOf("usr/local/sbin/swapon");
  using temp = tempFolder();
  const own = script
    .replace("/run/initramfs/banger/upper", `${temp.path}/disk`)
    .replace("/usr/sbin/", `${temp.path}/real-`)
    .replace('$(stat -fc %T -- "$path")', "overlayfs");
  for (const file of ["swapfile", "other"]) writeFileSync(`${temp.path}/${file}`, "");
  mkdirSync(`${temp.path}/disk${temp.path}`, { recursive: true });
  writeFileSync(`${temp.path}/disk${temp.path}/swapfile`, "");
  writeFileSync(`${temp.path}/real-swapon`, '#!/bin/sh\nprintf "<%s>" "$@"\n', { mode: 0o755 });
  writeFileSync(`${temp.path}/swapon`, own, { mode: 0o755 });
  const said = execFileSync(`${temp.path}/swapon`, ["-p", "5", "swapfile", "other", "/dev/null"], {
    cwd: temp.path,
    encoding: "utf8",
  });
  expect(said).toBe(`<-p><5><${temp.path}/disk${temp.path}/swapfile><other></dev/null>`);
});

test("every addition comes after its folders, and each folder is made once", () => {
  const present = new Set(["etc", "var", "etc/ssh"]);
  const known = new Set([...present].map((name) => `./${name}`).concat("."));
  for (const { entry } of fileAdditions(files, present, 1_700_000_000)) {
    expect(known.has(entry.name.slice(0, entry.name.lastIndexOf("/")))).toBe(true);
    expect(known.has(entry.name)).toBe(false);
    known.add(entry.name);
  }
});
