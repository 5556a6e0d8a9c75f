/** VMs on hardware virtualization whose host changes under them: it loses its network, or features of its CPU. */
import { expect, test } from "bun:test";
import { Exit } from "../../src/base/exit.ts";
import { nestedSuite } from "./harness.ts";
import { fullCpu } from "./host/qemu.ts";

nestedSuite(
  "a changed host",
  ({ host, small }) => {
    const run = () => host().banger(["vm", "run", "--rm", ...small, "--", "sh", "-c", "ls /sys/class/net"]);
    const state = async () => (await host().json<{ state: string }>(["vm", "show", "web"])).state;
    const templates = async () => (await host().json<{ key: string }[]>(["template", "list"])).map(({ key }) => key);

    test("a host without any network makes the same templates, and VMs start from them", async () => {
      const link = (await host().vm.shell("ip -o route show default")).match(/dev (\S+)/)?.[1] ?? "none";
      await host().vm.shell(`ip link set ${link} down; ! ip route show default | grep .`);
      const first = await run();
      expect([first.code, first.stdout]).toEqual([0, expect.stringContaining("eth0")]);
      expect(first.stderr).toContain("booting, once");
      const made = await templates();
      expect(made.length).toBe(1);
      await host().vm.shell(`ip link set ${link} up; ip route add default via 192.0.2.2`);
      for (const change of ["ip route del default", "ip route add default via 192.0.2.2"]) {
        const { code, stderr } = await run();
        expect([code, stderr]).toEqual([0, expect.stringContaining("restoring from template")]);
        await host().vm.shell(change);
      }
      expect(await templates()).toEqual(made);
    });

    test("a suspended VM whose host's CPU has lost features is not woken, and stays suspended", async () => {
      await host().ok(["vm", "run", "--name", "web", "--detach", ...small]);
      await host().inGuest("web", "echo kept > /root/f; sync; : > /run/in-memory");
      await host().ok(["vm", "suspend", "web"]);
      await host().ok(["daemon", "stop"]);
      await host().powerOff();
      await host().boot(`${fullCpu},avx2=off,bmi2=off`);
      const refusal = /saved by .* with avx2 bmi2; .* without avx2 bmi2 .*\n.*--cold/;
      for (const wake of [
        ["start", "web"],
        ["exec", "web", "--", "true"],
      ]) {
        const { code, stderr } = await host().banger(["vm", ...wake]);
        expect([code, stderr]).toEqual([
          wake[0] === "exec" ? Exit.Run : Exit.Unavailable,
          expect.stringMatching(refusal),
        ]);
        expect(await state()).toBe("suspended");
      }
    });

    test("its template is made anew", async () => {
      const earlier = await templates();
      expect((await run()).stderr).toContain("booting, once");
      expect((await run()).stderr).toContain("restoring from template");
      const now = await templates();
      expect([now.length, now.filter((key) => earlier.includes(key))]).toEqual([1, []]);
    });

    test("the suspended VM boots from its disk when it is asked to", async () => {
      await host().ok(["vm", "start", "--cold", "--wait=agent", "web"]);
      expect(await host().inGuest("web", "cat /root/f; [ -e /run/in-memory ] || echo new")).toBe("kept\nnew");
    });
  },
  { part: "whole" },
);
