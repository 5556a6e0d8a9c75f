/** Install, upgrade, refusals and uninstall: what they leave on the host. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";
import { buildFolder } from "./host/product.ts";
import { owner } from "./host/rootfs.ts";

/** What the host is made of: files with their rights and contents, units, links, packet filters. Journals and caches of others are left out. */
const survey = `set -e
skip='-path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/tmp -o -path /var/log -o -path /home -o -path /run/systemd -o -path /run/udev -o -path /run/user -o -path /run/sudo -o -path /var/lib/systemd -o -path /run/log'
find / \\( $skip \\) -prune -o -printf '%p %y %m %U %G %l\\n' | sort
find /etc /usr/local -type f -exec sha256sum {} + | sort
systemctl list-unit-files --no-pager --no-legend
nft list ruleset
ip -o link | sed 's/^[0-9]*: //'
ip route
resolvectl domain --no-pager | sed 's/^Link [0-9]* //'
find /home/owner/banger /home/owner/.config -printf '%p %y %m %U\\n' | sort`;

systemSuite("an install", (host) => {
  const install = (...args: string[]) => host().sudo([`${buildFolder}/banger`, "system", "install", ...args]);
  const bangerOf = (user: "owner" | "other", args: string[], env: Record<string, string> = {}) =>
    host().as(user, ["banger", ...args], { env });
  let before = "";

  test("without root it names the command, and changes nothing", async () => {
    before = await host().shell(survey);
    for (const [verb, more] of [
      ["install", ` --owner ${owner.name}`],
      ["restart", ""],
      ["uninstall", ""],
    ] as const) {
      const args = verb === "install" ? ["--owner", owner.name] : [];
      const { code, stderr } = await host().as("owner", [`${buildFolder}/banger`, "system", verb, ...args]);
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining(`sudo banger system ${verb}${more}`)]);
    }
    expect((await install("--dry-run")).stdout).toContain("bangerd-root.service");
    expect(await host().shell(survey)).toBe(before);
  });

  test("an owner that is not there, or is root, is refused", async () => {
    for (const name of ["nobody-here", "root", "../x", ""]) expect((await install("--owner", name)).code).not.toBe(0);
    expect(await host().shell(survey)).toBe(before);
  });

  test("twice is as once", async () => {
    expect((await install()).code).toBe(0);
    const once = await host().shell(
      "find /usr/local /etc/banger /etc/systemd/system -printf '%p %m %U %l\\n' | sort; sha256sum /etc/banger/*",
    );
    expect((await install("--owner", owner.name)).code).toBe(0);
    expect(
      await host().shell(
        "find /usr/local /etc/banger /etc/systemd/system -printf '%p %m %U %l\\n' | sort; sha256sum /etc/banger/*",
      ),
    ).toBe(once);
    const { code, stdout } = await bangerOf("owner", ["system", "status"]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/bangerd.service: +active[\s\S]*bangerd: +as installed/)]);
  });

  test("status says which program is not the one that was installed", async () => {
    const agent = "/usr/local/lib/banger/current/banger-vsock-agent";
    await host().shell(`cp -a ${agent} /tmp/agent; echo >> ${agent}`);
    const { code, stdout } = await bangerOf("owner", ["system", "status"]);
    expect([code === 0, stdout]).toEqual([false, expect.stringMatching(/banger-vsock-agent: +changed/)]);
    await host().shell(`cp -a /tmp/agent ${agent}`);
    expect((await bangerOf("owner", ["system", "status"])).code).toBe(0);
  });

  test("metadata that were cut short, or that others than root may write, are not believed, and an install mends them", async () => {
    const file = "/etc/banger/install.json";
    for (const change of ["truncate -s 40", "chown owner", "chmod 666"]) {
      await host().shell(`${change} ${file}`);
      const { code, stderr } = await bangerOf("owner", ["system", "status"]);
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining(file)]);
      expect((await host().run(["systemctl", "restart", "bangerd-root"])).code).not.toBe(0);
      expect((await install("--owner", owner.name)).code).toBe(0);
      expect((await bangerOf("owner", ["system", "status"])).code).toBe(0);
    }
  });

  test("another user has a daemon of their own, and is refused at the service's socket", async () => {
    expect(await bangerOf("other", ["vm", "list"])).toMatchObject({ code: 0 });
    expect((await bangerOf("other", ["daemon", "status", "--json"])).stdout).toContain("/home/other");
    const refused = await bangerOf("other", ["vm", "list"], { BANGER_SOCKET: "/run/banger/bangerd.sock" });
    expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining("of owner only")]);
    expect((await bangerOf("other", ["daemon", "stop"])).code).toBe(0);
    const second = await install("--owner", "other");
    expect([second.code === 0, second.stderr]).toEqual([
      false,
      expect.stringContaining("sudo banger system uninstall --purge"),
    ]);
  });

  test("a step that fails is undone with all before it", async () => {
    const units = "/etc/systemd/system/bangerd.service";
    const state =
      "find /usr/local /etc/banger /etc/systemd/system -printf '%p %m %U %l\\n' | sort; sha256sum /etc/banger/*";
    const good = await host().shell(state);
    await host().shell(`mkdir /tmp/broken; cp -a ${buildFolder}/. /tmp/broken; printf 'x' > /tmp/broken/bangerd.new
rm /tmp/broken/bangerd; printf '#!/bin/sh\\nexit 1\\n' > /tmp/broken/bangerd; chmod 755 /tmp/broken/bangerd`);
    const { code, stderr } = await host().sudo(["/tmp/broken/banger", "system", "install", "--owner", owner.name]);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining("undone")]);
    expect(await host().shell(state)).toBe(good);
    expect(await host().shell(`systemctl is-active bangerd bangerd-root; test -f ${units}`)).toBe("active\nactive\n");
  });

  test("an uninstall ends the VMs, and leaves the host as it was but for their data", async () => {
    await host().ok(["system", "adopt"]);
    await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...small]);
    const { code, stderr } = await host().sudo(["banger", "system", "uninstall", "--yes"]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    expect(
      await host().shell("ps -eo args= | grep -E '^[^ ]*(qemu-system|passt|bangerd (--system|root-helper))' || true"),
    ).toBe("");
    const after = (await host().shell(survey)).split("\n");
    const known = new Set(before.split("\n"));
    const more = after.filter((line) => !known.has(line));
    expect(more.filter((line) => !/^\/var\/(lib|cache)\/banger(\/| )/.test(line))).toEqual([]);
    expect(before.split("\n").filter((line) => !after.includes(line))).toEqual([]);
  });

  test("a later install finds its VMs, and a purge leaves nothing", async () => {
    expect((await install()).code).toBe(0);
    expect(await host().json(["vm", "list"])).toEqual([expect.objectContaining({ name: "sandbox", state: "stopped" })]);
    const { code, stderr } = await host().sudo(["banger", "system", "uninstall", "--purge", "--yes"]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("error")]);
    expect(await host().shell(survey)).toBe(before);
  });
});
