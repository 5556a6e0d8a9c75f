/** What a container can't show: limits of control groups, which the host's kernel sets for its own, KVM, and a reboot. */
import { expect, test } from "bun:test";
import { systemSuite } from "./harness.ts";
import { small } from "./host/host.ts";

const unitGroup = "/sys/fs/cgroup/system.slice/bangerd.service";

systemSuite(
  "a whole machine",
  (host) => {
    const vmm = async () => (await host().shell("pgrep -x qemu-system-x86")).trim();
    const inService = (script: string) => host().shell(`cd ${unitGroup}; ${script}`);
    /** of the one VM: 2 CPUs and no more; its memory and what its VMM needs beside it; the VMM's threads */
    const requireLimits = async () => {
      expect(await inService("cat cgroup.subtree_control; ls -d daemon vm-*")).toMatch(
        /^cpu memory pids\ndaemon\nvm-\w{8}\n$/,
      );
      const [cpu = "", memory, pids] = (await inService("cat vm-*/cpu.max vm-*/memory.max vm-*/pids.max")).split("\n");
      expect(cpu).toMatch(/^\d+ 100000$/);
      expect(Number(memory)).toBeGreaterThan(256 * 1024 * 1024);
      expect(Number(pids)).toBeLessThan(1000);
      expect((await inService("cat vm-*/cgroup.procs")).split("\n")).toContain(await vmm());
    };
    const answers = async () => {
      expect(await host().inGuest("sandbox", "cat /root/kept")).toBe("kept");
      expect(await host().shell("getent hosts sandbox.vm")).toMatch(/^172\.16\.0\.\d+\s/);
    };

    test("a VM on the bridge with KVM has a control group with limits", async () => {
      await host().install();
      await host().ok(["vm", "run", "--name", "sandbox", "--detach", ...small]);
      await host().inGuest("sandbox", "echo kept > /root/kept; sync");
      const { stdout } = await host().banger(["doctor"]);
      expect(stdout).toContain("acceleration: KVM");
      expect(stdout).toContain("limits: each VM has a control group that limits its memory, CPU time and tasks");
      await requireLimits();
      await answers();
    });

    // systemd puts a new main process into the group, which takes none while its children have controllers
    test.each([
      ["restarts", "banger system restart"],
      ["is killed", "kill -KILL $(systemctl show --property=MainPID --value bangerd)"],
    ])("the daemon %s: its VM runs on, with the same limits", async (_, how) => {
      const before = await vmm();
      await host().shell(how);
      await host().ok(["vm", "list"]);
      // it answers before it has the names of VMs served, for which systemd is made to wait
      expect(await host().shell("systemctl start bangerd; systemctl is-active bangerd bangerd-root")).toBe(
        "active\nactive\n",
      );
      expect(await vmm()).toBe(before);
      await requireLimits();
      await answers();
    });

    test("the machine reboots: services, bridge, rules and names are back, and the VM is stopped and starts", async () => {
      await host().reboot();
      expect(await host().shell("systemctl is-active bangerd bangerd-root")).toBe("active\nactive\n");
      expect(await host().shell("nft list tables; ip -br address show br-banger; resolvectl domain br-banger")).toMatch(
        /inet banger-flows\n[\s\S]*172\.16\.0\.1\/24[\s\S]*~vm/,
      );
      expect(await host().json(["vm", "show", "sandbox"])).toMatchObject({ state: "stopped", failure: null });
      await host().ok(["vm", "start", "sandbox"]);
      await requireLimits();
      await answers();
    });

    // the last, because QEMU ends where it gets no thread
    test("the kernel holds to the limits: a VMM that is taken over can't start processes without end", async () => {
      const fork = "echo $$ > cgroup.procs; for i in $(seq 200); do sleep 5 & done";
      const { stderr } = await host().run(["bash", "-c", `cd ${unitGroup}/vm-*; bash -c '${fork}'`]);
      expect(stderr).toContain("Resource temporarily unavailable");
    });
  },
  { isWhole: true },
);
