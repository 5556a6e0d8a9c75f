/** The default image, whose init is systemd, on hardware virtualization. */
import { expect, test } from "bun:test";
import { nestedSuite } from "./harness.ts";

const services =
  "systemctl is-system-running --wait; systemctl --failed --no-legend; systemctl is-active docker.socket";
/** One line for each value that no two VMs may share. */
const identity = `cat /etc/machine-id /proc/sys/kernel/random/boot_id /etc/ssh/ssh_host_ed25519_key.pub; hostname
head -c 16 /dev/urandom | od -An -tx1`;

nestedSuite(
  "systemd",
  ({ host, onDriver }) => {
    const flags = ["--memory", "1G", "--vcpu", "1", ...onDriver];
    const run = (script: string) => host().banger(["vm", "run", "--rm", ...flags, "--", "sh", "-c", script]);
    const startedHow = async (name: string) =>
      (await host().json<{ startedHow: string }>(["vm", "show", name])).startedHow;

    test("the first VM boots with its services up, and leaves a template", async () => {
      const first = await run(`cat /proc/1/comm; ${services}`);
      expect(first.stderr).toContain("booting, once");
      expect([first.code, first.stdout]).toEqual([0, "systemd\nrunning\nactive\n"]);
      expect((await host().json<object[]>(["template", "list"])).length).toBe(1);
    });

    test("VMs that are restored from it have their services up, and identities of their own", async () => {
      const seen: string[][] = [];
      for (const name of ["one", "two"]) {
        await host().ok(["vm", "run", "--name", name, "--detach", ...flags]);
        expect(await startedHow(name)).toMatch(/^restored from template [0-9a-f]{12}/);
        expect(await host().inGuest(name, services)).toBe("running\nactive");
        const lines = (await host().inGuest(name, identity)).split("\n");
        expect([lines.length, lines[3]]).toEqual([5, name]);
        seen.push(lines);
      }
      const [one = [], two = []] = seen;
      expect(one.filter((line) => two.includes(line))).toEqual([]);
      await host().ok(["vm", "delete", "two"]);
    });

    test("a suspended VM wakes with its services up", async () => {
      const boot = "cat /proc/sys/kernel/random/boot_id";
      const before = await host().inGuest("one", boot);
      await host().ok(["vm", "suspend", "one"]);
      expect(await host().inGuest("one", `${boot}; ${services}`)).toBe(`${before}\nrunning\nactive`);
    });

    test("a VM that systemd powers off ends as stopped, and boots again from its disk", async () => {
      await host().inGuest("one", "echo kept > /root/f");
      await host().banger(["vm", "exec", "one", "--", "systemctl", "poweroff"]);
      expect((await host().banger(["vm", "wait", "one"])).code).toBe(0);
      expect(await host().json<object>(["vm", "show", "one"])).toMatchObject({ state: "stopped", failure: null });
      await host().ok(["vm", "start", "one"]);
      expect(await host().inGuest("one", `cat /root/f; ${services}`)).toBe("kept\nrunning\nactive");
      await host().ok(["vm", "delete", "one"]);
    });
  },
  { part: "whole", content: "default-image" },
);
