import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { memoryLogger } from "../host/testing/log.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { makeHostKey } from "./keys.ts";
import type { KnownHost } from "./known-hosts.ts";
import { keepKnownHosts } from "./known-hosts-file.ts";

const host = (name: string, address: string): KnownHost => ({ name, address, keys: [makeHostKey().public] });

test("the file has the VMs of the moment, and is left alone when nothing has changed", async () => {
  using folder = tempFolder("known-hosts");
  const path = `${folder.path}/ssh/known_hosts`;
  const hosts = [host("web", "172.16.0.2")];
  const keep = keepKnownHosts({ path, hosts: () => hosts, log: memoryLogger() });
  await keep();
  expect(readFileSync(path, "utf8")).toContain("web.vm,172.16.0.2 ssh-ed25519 ");
  expect(statSync(path).mode & 0o777).toBe(0o644);
  const before = statSync(path).ino;
  await keep();
  expect(statSync(path).ino).toBe(before);
  hosts[0] = host("db", "172.16.0.3");
  await Promise.all([keep(), keep(), keep()]);
  expect(readFileSync(path, "utf8")).not.toContain("web.vm");
  hosts.pop();
  await keep();
  expect(
    readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => !line.startsWith("#")),
  ).toEqual([""]);
  expect(readdirSync(`${folder.path}/ssh`)).toEqual(["known_hosts"]);
});

test("a file that can't be written is logged, and written once it can be", async () => {
  using folder = tempFolder("known-hosts");
  const path = `${folder.path}/ssh/known_hosts`;
  writeFileSync(`${folder.path}/ssh`, "in the way");
  const log = memoryLogger();
  const keep = keepKnownHosts({ path, hosts: () => [host("web", "172.16.0.2")], log });
  await keep();
  expect(log.lines.join("\n")).toContain("could not be written");
  rmSync(`${folder.path}/ssh`);
  await keep();
  expect(readFileSync(path, "utf8")).toContain("web.vm");
});
