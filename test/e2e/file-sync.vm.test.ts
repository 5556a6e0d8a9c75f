/** `file_sync` with real guests: what goes in, how, when; and that it goes nowhere else. */
import { beforeAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import type { VmView } from "../../src/model/vm.ts";
import { vmSuite } from "./harness.ts";

const secret = "s3cret-4f1c9a7e2b";
const table = (host: string, guest: string, more = "") =>
  `[[file_sync]]\nhost = "${host}"\nguest = "${guest}"\n${more}\n`;

vmSuite("file-sync", (home) => {
  const own = (path: string) => join(home().env["HOME"] ?? "", path);
  const guest = async (vm: string, script: string) =>
    (await home().ok(["vm", "exec", vm, "--", "sh", "-c", script])).stdout;
  const configure = (...tables: string[]) => home().configure(`warm_vms = true\n${tables.join("")}`);
  const show = (vm: string) => home().json<VmView>(["vm", "show", vm]);
  const git = table("~/.gitconfig", "~/.gitconfig", "required = true");
  const gh = table("~/.config/gh", "/root/.config/gh", 'mode = "0440"');
  const claude = table("~/.claude", "~/.claude");

  /** Files of banger with the secret: state, cache, sockets. */
  function holders(): string[] {
    const folders = ["s", "c", "r"].map((folder) => join(home().folder, folder));
    return Bun.spawnSync(["grep", "-rlF", "-D", "skip", secret, ...folders])
      .stdout.toString()
      .split("\n")
      .filter(Boolean);
  }

  beforeAll(() => {
    for (const folder of ["dotfiles", ".config/gh", ".claude/hooks"]) fs.mkdirSync(own(folder), { recursive: true });
    fs.writeFileSync(own("dotfiles/gitconfig"), `[user]\n\tname = ${secret}\n`, { mode: 0o644 });
    fs.symlinkSync("dotfiles/gitconfig", own(".gitconfig"));
    fs.writeFileSync(own(".config/gh/hosts.yml"), `token: ${secret}\n`);
    fs.writeFileSync(own(".claude/hooks/run"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    fs.symlinkSync("/etc/hostname", own(".claude/link"));
    Bun.spawnSync(["mkfifo", own(".claude/fifo")]);
    configure(git, gh, claude);
  });

  test("vm run: files are there before the command, with their modes and owner", async () => {
    const script =
      "git config --global user.name; cd; stat -c '%a %U:%G %n' .gitconfig .config .config/gh .config/gh/hosts.yml .claude .claude/hooks/run; ls .claude; .claude/hooks/run";
    const { stdout, stderr } = await home().ok(["vm", "run", "--name", "a", "--", "sh", "-c", script]);
    expect(stdout).toBe(
      `${secret}\n600 root:root .gitconfig\n700 root:root .config\n750 root:root .config/gh\n` +
        "440 root:root .config/gh/hosts.yml\n700 root:root .claude\n700 root:root .claude/hooks/run\nhooks\nran\n",
    );
    expect(stderr).toContain("file_sync left out .claude/link: symbolic links are not copied");
    expect(stderr).toContain("file_sync left out .claude/fifo: it is a device, a socket or a FIFO");
    expect(await show("a")).toMatchObject({
      syncedPaths: ["/root/.gitconfig", "/root/.config/gh", "/root/.claude"],
      awaitsSync: false,
    });
  }, 600_000);

  test("vm sync again: what changed goes in, and what else is there stays", async () => {
    await guest("a", "echo mine >/root/.claude/own; chmod 755 /root/.config");
    fs.writeFileSync(own("dotfiles/gitconfig"), `[user]\n\tname = ${secret}2\n`);
    const { stderr } = await home().ok(["vm", "sync", "a"]);
    expect(stderr).toMatch(/copied 6 entries, \d+ B\n/);
    expect(await guest("a", "cd; git config --global user.name; cat .claude/own; stat -c %a .config")).toBe(
      `${secret}2\nmine\n755\n`,
    );
  }, 120_000);

  test("a suspended VM wakes for it; a stopped one says how to start it", async () => {
    await home().ok(["vm", "suspend", "a"]);
    await home().ok(["vm", "sync", "a"]);
    expect((await show("a")).state).toBe("running");
    await guest("a", "sync");
    await home().ok(["vm", "stop", "a"]);
    const refused = await home().banger(["vm", "sync", "a"]);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("start it with `banger vm start a`")]);
  }, 240_000);

  test("no template, warm VM, log or database has it; the VM's own disk does", async () => {
    const { id } = await show("a");
    expect(holders()).toEqual([join(home().folder, "s/banger/vms", id, "disk.ext4")]);
    const templates = await home().json<unknown[]>(["template", "list"]);
    expect(templates.length).toBeGreaterThan(0);
    const script = "ls -A /root; ! grep -rF s3cret /root";
    const { stdout } = await home().ok(["vm", "run", "--rm", "--no-sync", "--", "sh", "-c", script]);
    expect(stdout).not.toContain(".gitconfig");
  }, 300_000);

  test("vm save leaves it out and says so, and keeps the rest; --with-synced-files keeps it", async () => {
    const saved = await home().ok(["vm", "save", "a", "clean"]);
    expect(saved.stderr).toContain(
      "left out, as file_sync copied it into the VM: /root/.gitconfig, /root/.config/gh, /root/.claude",
    );
    const look = (image: string) =>
      home().ok([
        "vm",
        "run",
        "--rm",
        "--no-sync",
        "--image",
        image,
        "--",
        "sh",
        "-c",
        "cd; ls -A .config .claude; cat .gitconfig",
      ]);
    await expect(look("clean")).rejects.toThrow("ended with status");
    const clean = await home().banger([
      ...["vm", "run", "--rm", "--no-sync", "--image", "clean", "--", "sh", "-c"],
      "cd; ls -dA .config; ls -A .config; find / -xdev -name hosts.yml; ! grep -rF s3cret /root",
    ]);
    expect([clean.code, clean.stdout]).toEqual([0, ".config\n"]);
    const whole = await home().ok(["vm", "save", "a", "whole", "--with-synced-files"]);
    expect(whole.stderr).toContain("who gets the image gets /root/.gitconfig");
    expect((await look("whole")).stdout).toContain(`${secret}2`);
  }, 900_000);

  test("vm create: nothing until the first start", async () => {
    await home().ok(["vm", "create", "--name", "b"]);
    expect(await show("b")).toMatchObject({ syncedPaths: [], awaitsSync: true });
    await home().ok(["vm", "start", "b"]);
    expect(await guest("b", "git config --global user.name")).toBe(`${secret}2\n`);
  }, 300_000);

  test("a fork has its parent's files, and the record of them", async () => {
    await home().ok(["vm", "fork", "b", "child"]);
    expect(await guest("child", "git config --global user.name")).toBe(`${secret}2\n`);
    expect((await show("child")).syncedPaths).toContain("/root/.config/gh");
    await home().ok(["vm", "delete", "b", "child"]);
  }, 240_000);

  test("a guest that puts a link in the way is refused, and nothing follows it", async () => {
    await home().ok(["vm", "start", "a"]);
    await guest("a", "rm -rf /root/.config && ln -s /etc /root/.config");
    const refused = await home().banger(["vm", "sync", "a"]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('into VM "a" failed')]);
    expect(await guest("a", "ls -d /etc/gh 2>&1 || true")).toContain("No such file");
    await home().ok(["vm", "delete", "a"]);
  }, 240_000);

  test("a required file that is missing, and a link out of the home: refused before a VM is made", async () => {
    const count = async () => (await home().json<unknown[]>(["vm", "ls"])).length;
    const before = await count();
    configure(table("~/none", "~/none", "required = true"));
    for (const line of ["vm run -- true", "vm create"]) {
      const refused = await home().banger(line.split(" "));
      expect([refused.code === 0, refused.stderr]).toEqual([
        false,
        expect.stringContaining("~/none does not exist, and file_sync requires it"),
      ]);
    }
    fs.symlinkSync("/etc/passwd", own("out"));
    configure(table("~/out", "~/out"));
    const { stderr } = await home().banger(["vm", "run", "--", "true"]);
    expect(stderr).toContain("file_sync can't copy ~/out: a link leads out of your home, to /etc/passwd");
    expect(await count()).toBe(before);
  }, 60_000);

  test("a missing file is a warning, and a wrong table names its line", async () => {
    configure(table("~/none", "~/none"));
    const { stderr } = await home().ok(["vm", "run", "--rm", "--", "true"]);
    expect(stderr).toContain("warning: file_sync: ~/none does not exist, and is not copied");
    configure(table("~/none", "/etc/none"));
    const refused = await home().banger(["vm", "run", "--rm", "--", "true"]);
    expect(refused.stderr).toContain('file_sync.0.guest: must begin with "~/" or "/root/"');
    expect(refused.stderr).toContain("(in the table at line 2)");
  }, 240_000);
});
