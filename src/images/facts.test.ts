import { expect, test } from "bun:test";
import { TarError } from "../artifacts/tar/header.ts";
import { file, folder, type Member, symlink } from "../artifacts/tar/testing/archive.ts";
import type { InitKind } from "../model/artifact.ts";
import { RootfsFacts } from "./facts.ts";

function factsOf(members: Member[]): RootfsFacts {
  const facts = new RootfsFacts();
  for (const { entry } of members) facts.see(entry);
  return facts;
}

const usr = ["./", "./usr", "./usr/lib", "./usr/lib/systemd", "./usr/sbin", "./sbin"].map((name) =>
  folder(name.replace(/\/$/, "")),
);
const systemd = file("./usr/lib/systemd/systemd", "x");

const rows: [string, Member[], InitKind][] = [
  ["Debian", [...usr, systemd, symlink("./usr/sbin/init", "/lib/systemd/systemd")], "systemd"],
  ["busybox as init", [...usr, symlink("./sbin/init", "/bin/busybox")], "other"],
  ["an init of its own although systemd is there", [...usr, systemd, file("./usr/sbin/init", "x")], "other"],
  ["a container image", [...usr, file("./usr/x", "")], "none"],
  ["systemd's program without an init link", [...usr, systemd], "none"],
];

for (const [what, members, init] of rows) test(what, () => expect(factsOf(members).init).toBe(init));

test("an archive of folders alone holds nothing", () => {
  expect(factsOf(usr).hasFiles).toBe(false);
  expect(factsOf([...usr, systemd]).hasFiles).toBe(true);
});

test("an entry without its folder is refused", () => {
  expect(() => factsOf([folder("a"), file("a/b/c", "")])).toThrow(TarError);
});

test("a folder that became a link is none any more", () => {
  expect(() => factsOf([folder("a"), symlink("a", "/etc"), file("a/passwd", "")])).toThrow(TarError);
});
