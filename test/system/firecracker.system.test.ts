/** Firecracker on the bridge, in a whole machine with KVM; only where BANGER_FIRECRACKER names its program, which is not a package. */
import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";

const program = process.env["BANGER_FIRECRACKER"] ?? "";
const flags = ["--vmm", "firecracker", "--detach", ...small];

systemSuite(
  "Firecracker on the bridge",
  (host) => {
    const show = (name: string) =>
      host().json<{ id: string; address: string; startedHow: string }>(["vm", "show", name]);
    const answers = async () =>
      expect(await host().shell("curl -sS --max-time 20 http://one.vm:3000/")).toBe("hello\n");
    /** Whether the guest's frames reach the bridge's resolver, after some commands in it. */
    const reaches = (commands: string) =>
      host().inGuest("one", `${commands}; nc -w 5 172.16.0.1 53 </dev/null 2>/dev/null && echo open || echo closed`);

    beforeAll(async () => {
      const target = "/usr/local/bin/firecracker";
      const input = new Uint8Array(readFileSync(program));
      await host().run(["sh", "-c", `cat > ${target}; chmod 755 ${target}`], { input });
      await host().install();
    }, 600_000);

    test("VMs are restored from a template, each with an interface, an address and a name of its own", async () => {
      for (const name of ["one", "two"]) {
        await host().ok(["vm", "run", "--name", name, ...flags]);
        const { id, address, startedHow } = await show(name);
        expect(startedHow).toMatch(/^restored from template [0-9a-f]{12}/);
        expect(await host().shell(`getent hosts ${name}.vm; ip -br link show bgr-${id}`)).toContain(address);
        expect(await host().inGuest(name, "ip -4 address show eth0")).toContain(`${address}/24`);
      }
    });

    test("the host reaches its services by its name, and it finds names on the bridge", async () => {
      await host().inGuest("one", "mkdir /tmp/w; echo hello > /tmp/w/index.html; httpd -p 3000 -h /tmp/w");
      await answers();
      const { address } = await show("two");
      expect(await host().inGuest("one", "nslookup two.vm 172.16.0.1")).toContain(address);
    });

    test("its cage has no capabilities, a filter of system calls, and a control group of its own", async () => {
      const group = `/system.slice/bangerd.service/vm-${(await show("one")).id}`;
      const pid = (
        await host().shell(`grep -lx firecracker $(sed "s:.*:/proc/&/comm:" /sys/fs/cgroup${group}/cgroup.procs)`)
      )
        .split("/")
        .at(2);
      expect(await host().shell(`stat -c %U /proc/${pid}; cut -d: -f3 /proc/${pid}/cgroup`)).toBe(`owner\n${group}\n`);
      expect(await host().shell(`grep -E "^(CapEff|CapAmb|NoNewPrivs|Seccomp):" /proc/${pid}/status`)).toBe(
        "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n",
      );
    });

    test("a guest has no other MAC and no other address", async () => {
      const { address } = await show("one");
      const swap = (from: string, to: string) => `ip addr del ${from}/24 dev eth0; ip addr add ${to}/24 dev eth0`;
      const mac = (await host().inGuest("one", "cat /sys/class/net/eth0/address")).trim();
      expect(await reaches("true")).toBe("open");
      expect(await reaches("ip link set eth0 address 02:00:00:00:00:99")).toBe("closed");
      expect(await reaches(`ip link set eth0 address ${mac}`)).toBe("open");
      expect(await reaches(swap(address, "172.16.0.77"))).toBe("closed");
      expect(await reaches(swap("172.16.0.77", address))).toBe("open");
    });

    test("it outlives a restart of both services", async () => {
      await host().shell("banger system restart");
      await answers();
    });

    test("a suspended one wakes at its address", async () => {
      const { address } = await show("one");
      await host().ok(["vm", "suspend", "one"]);
      await host().ok(["vm", "start", "one"]);
      await answers();
      expect((await show("one")).address).toBe(address);
    });

    test("a VM that is deleted leaves no interface and no name", async () => {
      const { id } = await show("one");
      // the interface is removed after the answer: the event ends the wait
      await host().shell(`set -e; (sleep 0.1; cd /; setpriv --reuid=owner --regid=owner --init-groups env HOME=/home/owner banger vm delete one) &
timeout 60 ip monitor link | grep -q -m 1 "Deleted.*bgr-${id}"; wait; ! ip link show bgr-${id} 2>/dev/null; ! getent hosts one.vm`);
    });
  },
  { isWhole: true, ...(program === "" && { missing: "BANGER_FIRECRACKER does not name the program" }) },
);
