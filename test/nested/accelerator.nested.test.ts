/** Which accelerator VMs get, and what banger says where it is not the wanted one. */
import { afterEach, describe, expect, test } from "bun:test";
import { Exit } from "../../src/base/exit.ts";
import { longTest, qemuSuite } from "./harness.ts";
import type { Ended } from "./host/command.ts";

qemuSuite("accelerator", ({ host, small }) => {
  const acceleration = (stdout: string) => /^\w+ +acceleration: .*(?:\n {2,}.*)?/m.exec(stdout)?.[0] ?? "no such line";
  const doctor = async (accel?: string) =>
    acceleration(
      (await host().banger(["doctor"], accel === undefined ? {} : { env: { BANGER_VMM_ACCEL: accel } })).stdout,
    );
  const start = (env: Record<string, string>) => host().banger(["vm", "run", "--rm", ...small, "--", "true"], { env });
  // the daemon of a test has what its environment said
  afterEach(async () => void (await host().ok(["daemon", "stop"])));

  test("BANGER_VMM_ACCEL decides, and doctor says so", async () => {
    expect(await doctor("kvm")).toMatch(/^ok +acceleration: KVM: BANGER_VMM_ACCEL=kvm$/);
    expect(await doctor("tcg")).toMatch(/^ok +acceleration: emulation \(TCG\): BANGER_VMM_ACCEL=tcg$/);
    expect(await doctor("xen")).toMatch(/^FAIL +acceleration: .*BANGER_VMM_ACCEL is "xen"\n.*tcg or kvm/);
  });

  test("an accelerator that does not exist is refused with what to type", async () => {
    const refused = await start({ BANGER_VMM_ACCEL: "xen" });
    expect([refused.code, refused.stderr]).toEqual([
      Exit.Usage,
      expect.stringMatching(/BANGER_VMM_ACCEL is "xen"\n.*tcg or kvm/),
    ]);
  });

  test("a user who is not in the group is told how to join it", async () => {
    const told = "usermod -aG kvm stranger";
    const plain = acceleration((await host().bangerOfStranger(["doctor"])).stdout);
    expect(plain).toMatch(/^warn +acceleration: emulation \(TCG\): .*group kvm/);
    expect(plain).toContain(told);
    const wanted = await host().bangerOfStranger(["doctor"], { env: { BANGER_VMM_ACCEL: "kvm" } });
    expect(acceleration(wanted.stdout)).toMatch(/^FAIL +acceleration: KVM was requested/);
    expect(acceleration(wanted.stdout)).toContain(told);
  });

  test("a session that began before its user joined the group can't start VMs on KVM, and is told why", async () => {
    const env = { BANGER_VMM_ACCEL: "kvm" };
    const refused = await host().bangerWithoutKvm(["vm", "run", "--rm", ...small, "--", "true"], { env });
    expect([refused.code, refused.stderr]).toEqual([
      Exit.Run,
      expect.stringMatching(/group kvm.*\n.*log out and in again/),
    ]);
  });

  test("an absent /dev/kvm is said to be absent", async () => {
    await host().vm.shell("mv /dev/kvm /dev/kvm.away");
    expect(await doctor()).toMatch(/^warn +acceleration: emulation \(TCG\): there is no \/dev\/kvm/);
    const refused = await start({ BANGER_VMM_ACCEL: "kvm" });
    expect([refused.code, refused.stderr]).toEqual([Exit.Run, expect.stringContaining("there is no /dev/kvm")]);
    await host().vm.shell("mv /dev/kvm.away /dev/kvm");
    await host().ok(["daemon", "stop"]);
    expect(await doctor()).toMatch(/^ok +acceleration: KVM$/);
  });

  describe("rights that change", () => {
    const wanted = { env: { BANGER_VMM_ACCEL: "kvm" } };
    const run = ["vm", "run", "--rm", "--cold", ...small, "--", "dmesg"];
    const runWithoutGroup = () => host().bangerWithoutKvm(run, wanted);
    const daemon = () => host().vm.shell("pgrep -x bangerd");
    const expectKvm = ({ code, stdout, stderr }: Ended) =>
      expect([code, stdout, stderr]).toEqual([
        0,
        expect.stringContaining("Hypervisor detected: KVM"),
        expect.anything(),
      ]);
    const expectRefusal = ({ code, stderr }: Ended, fix: string) =>
      expect([code, stderr]).toEqual([Exit.Run, expect.stringMatching(new RegExp(`by the group kvm.*\\n.*${fix}`))]);

    afterEach(async () => void (await host().vm.shell("setfacl -b /dev/kvm; usermod -aG kvm tester")));

    longTest("an access list on /dev/kvm holds for the next VM of the same daemon", async () => {
      await host().vm.shell("gpasswd -d tester kvm; setfacl -m u:tester:rw /dev/kvm");
      expectKvm(await runWithoutGroup());
      const pid = await daemon();
      await host().vm.shell("setfacl -b /dev/kvm");
      expectRefusal(await runWithoutGroup(), "sudo usermod -aG kvm tester");
      const finding = acceleration((await host().bangerWithoutKvm(["doctor"], wanted)).stdout);
      expect(finding).toMatch(/^FAIL +acceleration: KVM was requested.*\n.*sudo usermod -aG kvm tester/);
      await host().vm.shell("setfacl -m u:tester:rw /dev/kvm");
      expectKvm(await runWithoutGroup());
      expect(await daemon()).toBe(pid);
    });

    longTest("a group that is joined later is the next daemon's, which is said", async () => {
      await host().vm.shell("gpasswd -d tester kvm");
      expectRefusal(await runWithoutGroup(), "sudo usermod -aG kvm tester");
      await host().vm.shell("usermod -aG kvm tester");
      const stop = "run .banger daemon stop";
      // the user's new session has the group, and the daemon of the old one has not
      expectRefusal(await host().banger(run, wanted), `joined the group kvm after.*${stop}`);
      const finding = acceleration((await host().banger(["doctor"], wanted)).stdout);
      expect(finding).toMatch(new RegExp(`^FAIL +acceleration: KVM was requested.* would have KVM.*\\n.*${stop}`));
      await host().ok(["daemon", "stop"]);
      expectKvm(await host().banger(run, wanted));
    });
  });
});
