/** `vm cp` both ways with a running VM. */
import { beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { vmSuite } from "./harness.ts";

const mib = 1024 * 1024;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

vmSuite("cp", (home) => {
  const at = (name: string) => `${home().folder}/${name}`;
  const guest = async (...argv: string[]) => (await home().ok(["vm", "exec", "c", "--", ...argv])).stdout;
  const cp = (...words: string[]) => home().ok(["vm", "cp", ...words]);

  beforeAll(async () => {
    await home().ok(["vm", "create", "--name", "c"]);
    await home().ok(["vm", "start", "--wait=agent", "c"]);
  }, 240_000);

  test("a file into the home and back: mode, time, owner", async () => {
    fs.writeFileSync(at("run.sh"), "#!/bin/sh\n", { mode: 0o755 });
    fs.utimesSync(at("run.sh"), 1_500_000_000.5, 1_500_000_000.5);
    expect((await cp(at("run.sh"), "c:")).stderr).toContain("copied 1 file, 10 B");
    expect(await guest("stat", "-c", "%a %U:%G %Y %n", "/root/run.sh")).toBe("755 root:root 1500000000 /root/run.sh\n");
    await cp("c:run.sh", at("back.sh"));
    const { mode, mtimeMs, uid } = fs.statSync(at("back.sh"));
    expect([mode & 0o777, mtimeMs, uid]).toEqual([0o755, 1_500_000_000_500, fs.statSync(at("run.sh")).uid]);
  }, 60_000);

  test("64 MiB go in and come back the same", async () => {
    const bytes = randomBytes(64 * mib);
    fs.writeFileSync(at("big"), bytes);
    await cp(at("big"), "c:/var/tmp/");
    expect(await guest("sha256sum", "/var/tmp/big")).toStartWith(sha256(bytes));
    await cp("c:/var/tmp/big", at("big-back"));
    expect(sha256(fs.readFileSync(at("big-back")))).toBe(sha256(bytes));
  }, 240_000);

  test("a folder, its content, a new name", async () => {
    fs.mkdirSync(at("d/sub"), { recursive: true });
    fs.writeFileSync(at("d/sub/f"), "text");
    fs.symlinkSync("sub/f", at("d/link"));
    await guest("mkdir", "-m", "1777", "/srv/t");
    await cp(at("d"), "c:/srv/t");
    await cp(`${at("d")}/.`, "c:/srv/t");
    await cp(at("d"), "c:/srv/new");
    expect(await guest("sh", "-c", "cd /srv && find t new | sort && stat -c %a t && readlink new/link")).toBe(
      "new\nnew/link\nnew/sub\nnew/sub/f\nt\nt/d\nt/d/link\nt/d/sub\nt/d/sub/f\nt/link\nt/sub\nt/sub/f\n1777\nsub/f\n",
    );
    await cp("c:/srv/new", at("out"));
    expect(fs.readFileSync(at("out/link"), "utf8")).toBe("text");
  }, 60_000);

  test("what a guest made comes without setuid, devices and links that are followed", async () => {
    await guest(
      ...["sh", "-c"],
      "mkdir /srv/evil && cd /srv/evil && ln -s /etc/passwd link && mknod null c 1 3 && mkfifo pipe && cp /bin/true suid && chmod 6755 suid",
    );
    await cp("c:/srv/evil", at("evil"));
    expect(fs.readdirSync(at("evil")).sort()).toEqual(["link", "suid"]);
    expect(fs.statSync(at("evil/suid")).mode & 0o7777).toBe(0o755);
    expect(fs.readlinkSync(at("evil/link"))).toBe("/etc/passwd");
  }, 60_000);

  test("a tar in and out", async () => {
    await guest("mkdir", "/srv/tar");
    const { out } = await home().banger(["vm", "cp", "c:/srv/new", "-"]);
    expect((await home().banger(["vm", "cp", "-", "c:/srv/tar"], { input: out })).code).toBe(0);
    expect(await guest("cat", "/srv/tar/sub/f")).toBe("text");
    const noTar = await home().banger(["vm", "cp", "-", "c:/srv/tar"], { input: randomBytes(4096) });
    expect([noTar.code, noTar.stderr]).toEqual([1, expect.stringContaining("copying c:/srv/tar failed")]);
  }, 60_000);

  test("failures name the path and what to type", async () => {
    const of = async (...words: string[]) => {
      const { code, stderr } = await home().banger(["vm", "cp", ...words]);
      return [code, stderr];
    };
    expect(await of("c:/none", at("x"))).toEqual([3, expect.stringContaining("c:/none does not exist")]);
    expect(await of(at("big"), "c:/none/")).toEqual([
      4,
      expect.stringContaining("banger vm exec c -- mkdir -p /none/"),
    ]);
    expect(await of(at("d"), "c:/etc/hostname")).toEqual([4, expect.stringContaining("a folder is needed")]);
    expect(await of("c:/etc/hostname", "/proc/")).toEqual([
      1,
      expect.stringContaining("copying c:/etc/hostname failed"),
    ]);
    await guest("sh", "-c", "mkdir /srv/small && mount -t tmpfs -o size=1m none /srv/small");
    expect(await of(at("big"), "c:/srv/small")).toEqual([1, expect.stringContaining("the disk is full")]);
  }, 60_000);

  test("5,000 small files", async () => {
    fs.mkdirSync(at("many"));
    for (let n = 0; n < 5000; n++) fs.writeFileSync(at(`many/${n}`), `${n}`);
    await cp(at("many"), "c:/srv/many");
    expect(await guest("sh", "-c", "ls /srv/many | wc -l")).toBe("5000\n");
    await cp("c:/srv/many", at("many-back"));
    expect(fs.readdirSync(at("many-back")).length).toBe(5000);
    expect(fs.readFileSync(at("many-back/4999"), "utf8")).toBe("4999");
  }, 240_000);

  test("a VM that dies in the middle ends the copy, with a reason and without a half file", async () => {
    await guest("sh", "-c", "truncate -s 8G /var/tmp/endless");
    const child = home().spawn(["vm", "cp", "c:/var/tmp/endless", at("endless")]);
    await untilItHasBegun(home().folder);
    await home().ok(["vm", "kill", "c"]);
    expect(await child.exited).toBe(125);
    expect(await new Response(child.stderr).text()).toContain('the session in VM "c" was lost');
    expect(fs.readdirSync(home().folder).filter((name) => name === "endless" || name.includes(".part"))).toEqual([]);
  }, 60_000);
});

/** Resolves when a copy's first file is there, under its temporary name. */
function untilItHasBegun(folder: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!fs.readdirSync(folder).some((name) => name.includes(".part"))) return;
      watcher.close();
      resolve();
    };
    const watcher = fs.watch(folder, look);
    look();
  });
}
