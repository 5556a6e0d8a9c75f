/** `banger vm save` with real guests: exactly what a VM changed, and nothing of its identity. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { withUnion } from "../../src/images/open-union.ts";
import type { ImageView } from "../../src/model/artifact.ts";
import { pathsOf } from "../../src/model/paths.ts";
import { vmSuite } from "./harness.ts";
import { until } from "./processes.ts";
import { changeScript, listScript, staleScript } from "./save-scripts.ts";

type Listed = { name: string; state: string };

vmSuite("save", (home) => {
  const run = (name: string, ...more: string[]) => home().ok(["vm", "run", "--detach", "--name", name, ...more]);
  const exec = async (name: string, ...argv: string[]) =>
    (await home().ok(["vm", "exec", name, "--", ...argv], { timeoutMs: 300_000 })).stdout;
  const python = async (name: string, script: string) =>
    (await home().ok(["vm", "exec", name, "--", "python3", "-"], { input: script, timeoutMs: 300_000 })).stdout;
  const show = (name: string) => home().json<ImageView>(["image", "show", name]);
  const vmms = () =>
    home()
      .processes()
      .filter((item) => item.name.startsWith("qemu"));
  const vmFolders = () => readdirSync(join(home().folder, "s/banger/vms"));
  const partial = () => readdirSync(join(home().folder, "c/banger/partial"));

  let listed: string[] = [];
  const identities = new Map<string, string>();
  const identity = async (name: string) =>
    identities.set(name, await exec(name, "sh", "-c", "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub; hostname"));

  test("a running VM can't be saved, and the hint says how to stop it", async () => {
    await run("a");
    await identity("a");
    await python("a", changeScript);
    // dockerd's own files change until it has ended
    await exec("a", "systemctl", "stop", "docker.service", "docker.socket", "containerd.service");
    listed = (await python("a", listScript)).split("\n");
    expect(listed.length).toBeGreaterThan(10_000);
    const refused = await home().banger(["vm", "save", "a", "mine"]);
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringContaining('error: can\'t save VM "a": it is running\nhint: stop it with `banger vm stop a`\n'),
    ]);
    expect((await home().json<Listed[]>(["vm", "ls"]))[0]).toMatchObject({ name: "a", state: "running" });
  }, 600_000);

  test("only the difference is stored, the VM is kept, and nothing else is", async () => {
    await home().ok(["vm", "stop", "a"]);
    const saved = await home().ok(["vm", "save", "a", "mine"]);
    expect(saved.stdout).toMatch(/^mine [\d.]+ MiB of its own, [\d.]+ MiB shared\n$/);
    const [base, mine] = [await show("debian-bookworm"), await show("mine")];
    expect(mine.layers.slice(0, -1)).toEqual(base.layers);
    expect(mine.layers).toHaveLength(base.layers.length + 1);
    expect(mine.direct).not.toBeNull();
    expect(mine).toMatchObject({
      source: "vm a",
      kernel: base.kernel,
      config: base.config,
      init: "systemd",
      shell: true,
    });
    // including a sparse file of a gigabyte
    expect(mine.ownBytes).toBeLessThan(30_000_000);
    expect([vmms(), vmFolders().length, partial()]).toEqual([[], 1, []]);
    expect(await home().json<Listed[]>(["vm", "ls"])).toEqual([
      expect.objectContaining({ name: "a", state: "stopped" }),
    ]);
  }, 120_000);

  test("the VM's identity is not in it", async () => {
    const paths = pathsOf(roots(home().folder));
    const names = await withUnion(paths, (await show("mine")).layers.slice(-1), async (union) => {
      const found: string[] = [];
      for await (const { path } of union.walk()) found.push(path);
      return found;
    });
    expect(names).toContain("srv/t/new");
    for (const own of ["etc/machine-id", "etc/hostname", "etc/resolv.conf", "root/.ssh/authorized_keys"])
      expect(names).not.toContain(own);
    expect(names.filter((name) => /ssh_host_|banger|lost\+found/.test(name))).toEqual([]);
    const [base, mine] = await Promise.all(["debian-bookworm", "mine"].map(authorities));
    expect(mine).toBe(base as string);
  });

  /** Which CAs the image's programs trust. */
  async function authorities(image: string): Promise<string> {
    return withUnion(pathsOf(roots(home().folder)), (await show(image)).layers, async (union) => {
      const found = await union.resolve("etc/ssl/certs/ca-certificates.crt");
      const chunks: Uint8Array[] = [];
      if (found) for await (const chunk of union.content(found.node)) chunks.push(chunk.slice());
      return Buffer.concat(chunks).toString();
    });
  }

  test("a VM from it has the same tree, its own identity, and docker's data", async () => {
    await run("b", "--image", "mine");
    await identity("b");
    const now = (await python("b", listScript)).split("\n");
    const [before, after] = [new Set(listed), new Set(now)];
    expect({ gone: listed.filter((line) => !after.has(line)), came: now.filter((line) => !before.has(line)) }).toEqual({
      gone: [],
      came: [],
    });
    expect(await python("b", staleScript)).toBe("");
    const [a, b] = ["a", "b"].map((name) => identities.get(name)?.split("\n") ?? []);
    for (const line of a?.filter(Boolean) ?? []) expect(b).not.toContain(line);
    expect(await exec("b", "docker", "images", "--format", "{{.Repository}}")).toBe("tiny\n");
    expect(await exec("b", "docker", "run", "--rm", "--network", "none", "tiny", "/hello")).toBe("from a container\n");
  }, 600_000);

  test("saved again under the name of its base: both differences are in it, VMs of the old image keep running", async () => {
    await exec("b", "sh", "-c", "echo more >/srv/t/more && rm /srv/t/new && docker rmi tiny >/dev/null && sync");
    // power is cut: the reader's kernel replays the file system's journal
    await home().ok(["vm", "kill", "b"]);
    const old = await show("mine");
    await home().ok(["vm", "save", "b", "mine"]);
    const mine = await show("mine");
    expect(mine.digest).not.toBe(old.digest);
    expect(mine.layers.slice(0, -1)).toEqual(old.layers);
    expect((await show(old.digest)).usedBy).toEqual(["b"]);
    await run("c", "--image", "mine");
    expect(
      await exec("c", "sh", "-c", "cat /srv/t/more; ls /srv/t/new /usr/share/doc/bash 2>&1; docker images -q"),
    ).toBe(
      "more\nls: cannot access '/srv/t/new': No such file or directory\nls: cannot access '/usr/share/doc/bash': No such file or directory\n",
    );
    await home().ok(["vm", "start", "b", "--wait", "agent"]);
    expect(await exec("b", "cat", "/srv/t/more")).toBe("more\n");
    await home().ok(["vm", "stop", "b"]);
  }, 600_000);

  test("the daemon dies in the middle: nothing of the save is left, and the next one succeeds", async () => {
    await home().ok(["vm", "kill", "c"]);
    const before = vmFolders();
    const child = home().spawn(["vm", "save", "c", "later"]);
    await until("the reader runs", () => vmms().length === 1 && vmms());
    await home().killDaemon();
    expect(await child.exited).toBe(6);
    expect(vmFolders().length).toBe(before.length + 1);
    await home().ok(["vm", "ls"]);
    expect([vmms(), vmFolders(), partial()]).toEqual([[], before, []]);
    const images = (await home().json<Listed[]>(["image", "ls"])).map(({ name }) => name);
    expect(images).toEqual(["debian-bookworm", "mine"]);
    await home().ok(["vm", "save", "c", "later"]);
    expect((await show("later")).layers).toHaveLength((await show("mine")).layers.length + 1);
  }, 120_000);

  test("the CLI is killed in the middle: the reader ends with it", async () => {
    const child = home().spawn(["vm", "save", "c", "never"]);
    await until("the reader runs", () => vmms().length === 1 && vmms());
    child.kill("SIGKILL");
    await child.exited;
    await until("the reader is gone", () => vmms().length === 0);
    await until("its folder is gone", () => vmFolders().length === 3);
    expect((await home().banger(["image", "show", "never"])).code).toBe(3);
  }, 60_000);

  test("a guest that damaged its own disk: reported in one line, and only its save fails", async () => {
    await home().ok(["vm", "start", "c", "--wait", "agent"]);
    const wreck =
      "for d in /sys/block/vd*; do if grep -qx data $d/serial; then dd if=/dev/urandom of=/dev/$(basename $d) bs=1M count=8 oflag=direct; fi; done";
    await exec("c", "sh", "-c", wreck);
    await home().ok(["vm", "kill", "c"]);
    const failed = await home().banger(["vm", "save", "c", "wreck"]);
    expect([failed.code, failed.stderr]).toEqual([
      1,
      expect.stringContaining("error: the disk of c can't be read: /data: "),
    ]);
    expect([vmms(), vmFolders().length, partial()]).toEqual([[], 3, []]);
    await home().ok(["vm", "save", "b", "fine"]);
  }, 120_000);
});

function roots(folder: string) {
  return {
    state: `${folder}/s/banger`,
    cache: `${folder}/c/banger`,
    config: `${folder}/k/banger`,
    runtime: `${folder}/r`,
  };
}
