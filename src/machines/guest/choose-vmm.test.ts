/** Which driver runs a new VM, and why. */
import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { kernelRecord } from "../../store/testing/records.ts";
import type { DriverFeatures, NetDevice, Probe, VmmDriver } from "../../vmm/driver.ts";
import { combineDrivers } from "../../vmm/drivers.ts";
import { createFakeDriver, FakeWorld } from "../../vmm/testing/fake.ts";
import { paths } from "../testing/daemon.ts";
import { chooseVmm, type VmmNeeds } from "./choose-vmm.ts";

type Changes = Partial<DriverFeatures> | { why: string; fix: string };

const small: VmmNeeds = { vcpu: 2, disks: 4, network: { kind: "user", deny: [] }, nested: false, kernel: null };
const missing = (name: string) => ({ why: `${name} is not installed`, fix: `install ${name}` });

function driver(name: string, changes: Changes = {}): VmmDriver {
  const fake = createFakeDriver(new FakeWorld());
  const probe = async (): Promise<Probe> => {
    const found = await fake.probe();
    if (!found.usable || "why" in changes) return { usable: false, ...(changes as { why: string; fix: string }) };
    return { ...found, driver: name, features: { ...found.features, ...changes } };
  };
  return { ...fake, name, probe };
}

type Host = { fc?: Changes; qemu?: Changes; config?: string; kinds?: readonly NetDevice["kind"][]; hasVsock?: boolean };

function choose(
  { fc = {}, qemu = {}, config = "auto", kinds = ["stream"], hasVsock = true }: Host,
  asked?: string,
  needs = small,
) {
  const drivers = combineDrivers([driver("firecracker", fc), driver("qemu", qemu)]);
  const network = {
    kind: async (_deny: readonly string[], accepted: readonly NetDevice["kind"][]) => {
      const found = kinds.find((kind) => accepted.includes(kind));
      if (!found) throw fail("NETWORK_FAILED", { program: "passt", reason: "it is not installed" });
      return found;
    },
  };
  const vmmChoice = async (name = config) => ({ choice: name, why: asked ? "as requested" : "as the config says" });
  const files = { changeStamps: async () => [hasVsock ? "1" : null] };
  const ctx = { drivers, network, vmmChoice, files, paths } as unknown as Parameters<typeof chooseVmm>[0];
  return chooseVmm(ctx, asked, needs).then(({ vmm }) => `${vmm.driver}: ${vmm.why}`);
}

test("auto takes the first that can run the VM, and says why not the one before", async () => {
  expect(await choose({})).toBe("firecracker: preferred");
  expect(await choose({ fc: missing("firecracker") })).toBe("qemu: firecracker is not installed");
  expect(await choose({ qemu: missing("qemu") })).toBe("firecracker: preferred");
});

test("a network on the bridge takes the place of a disk where the VMM has few", async () => {
  const most = { ...small, disks: 13 };
  const bridged = { ...most, network: { kind: "bridge" as const, deny: [] } };
  const host: Host = {
    fc: { maxDisks: 15, tapTakesDisk: true, netDevices: ["agent", "tap"] },
    kinds: ["stream", "tap"],
  };
  expect(await choose({ ...host, kinds: ["agent"] }, undefined, most)).toBe("firecracker: preferred");
  expect(await choose({ ...host, qemu: { netDevices: ["tap"] } }, undefined, bridged)).toContain(
    "qemu: firecracker can't run this VM: it takes at most 14 disks",
  );
});

test("one that is named is taken, also if it is not the best", async () => {
  expect(await choose({}, "qemu")).toBe("qemu: as requested");
  expect(await choose({ config: "qemu" })).toBe("qemu: as the config says");
  expect(await choose({ config: "qemu" }, "firecracker")).toBe("firecracker: as requested");
  expect(await choose({ config: "qemu" }, "auto")).toBe("firecracker: preferred");
});

test("one that is named and can't run is an error, and no other is taken instead", async () => {
  const refused = { code: "VMM_NOT_FOUND", message: "firecracker is not installed", hint: "install firecracker" };
  await expect(choose({ fc: missing("firecracker") }, "firecracker")).rejects.toMatchObject(refused);
  await expect(choose({ fc: missing("firecracker"), config: "firecracker" })).rejects.toMatchObject(refused);
  await expect(choose({}, "xen")).rejects.toMatchObject({ code: "VMM_NOT_FOUND" });
});

test("a host that has none is told of each, and how to get the last", async () => {
  await expect(choose({ fc: missing("firecracker"), qemu: missing("qemu") })).rejects.toMatchObject({
    code: "VMM_NOT_FOUND",
    message: "firecracker is not installed; qemu is not installed",
    hint: "install qemu",
  });
});

test("the disks of a VM and two free ones must fit", async () => {
  const fc = { maxDisks: 15 };
  expect(await choose({ fc }, undefined, { ...small, disks: 13 })).toBe("firecracker: preferred");
  const tooMany =
    "firecracker can't run this VM: it takes at most 15 disks, and this one needs 16 (2 of them kept free)";
  expect(await choose({ fc }, undefined, { ...small, disks: 14 })).toBe(`qemu: ${tooMany}`);
  const refused = { code: "VMM_UNFIT", message: tooMany, hint: expect.stringContaining("--vmm auto") };
  await expect(choose({ fc }, "firecracker", { ...small, disks: 14 })).rejects.toMatchObject(refused);
  expect(await choose({ fc }, "firecracker", { ...small, disks: 13 })).toBe("firecracker: as requested");
});

test("the CPUs of a VM must fit", async () => {
  const fc = { maxVcpu: 32 };
  expect(await choose({ fc }, undefined, { ...small, vcpu: 32 })).toBe("firecracker: preferred");
  expect(await choose({ fc }, undefined, { ...small, vcpu: 33 })).toStartWith(
    "qemu: firecracker can't run this VM: it takes at most 32 CPUs",
  );
  await expect(choose({ fc, qemu: { maxVcpu: 16 } }, undefined, { ...small, vcpu: 33 })).rejects.toMatchObject({
    message: expect.stringContaining("qemu can't run this VM: it takes at most 16 CPUs"),
  });
});

test("one that needs a vsock is not given a kernel that was stored without the modules", async () => {
  const fc = { vsock: true };
  const kernel = { ...small, kernel: kernelRecord() };
  expect(await choose({ fc }, undefined, kernel)).toBe("firecracker: preferred");
  const problem =
    "firecracker can't run this VM: an earlier banger stored the kernel debian-bookworm-cloud without the modules for a vsock; " +
    "`banger kernel pull debian-bookworm-cloud` gets them";
  expect(await choose({ fc, hasVsock: false }, undefined, kernel)).toBe(`qemu: ${problem}`);
  expect(await choose({ fc, hasVsock: false })).toBe("firecracker: preferred");
  expect(await choose({ fc, hasVsock: false }, "qemu", kernel)).toBe("qemu: as requested");
  const refused = {
    code: "VMM_UNFIT",
    hint: expect.stringContaining("import it again under the same name if it is your own"),
  };
  await expect(choose({ fc, hasVsock: false }, "firecracker", kernel)).rejects.toMatchObject(refused);
});

test("a guest that runs VMs of its own gets a VMM that offers it", async () => {
  const nested = { ...small, nested: true };
  expect(await choose({ fc: { nested: false }, qemu: { nested: true } }, undefined, nested)).toStartWith(
    "qemu: VMs can't run",
  );
  const without: Host = { fc: { nested: false }, qemu: { nested: false } };
  await expect(choose(without, undefined, nested)).rejects.toMatchObject({ code: "NESTED_UNAVAILABLE" });
  await expect(choose({ fc: { nested: false } }, "firecracker", nested)).rejects.toMatchObject({
    code: "NESTED_UNAVAILABLE",
  });
});

test("one that can't save VMs is taken only if there is no other, or it is named", async () => {
  const fc = { snapshots: false };
  expect(await choose({ fc })).toBe("qemu: firecracker 1.0 can't save VMs");
  expect(await choose({ fc, qemu: missing("qemu") })).toBe("firecracker: firecracker 1.0 can't save VMs");
  expect(await choose({ fc }, "firecracker")).toBe("firecracker: as requested");
});

test("one whose network this host can't provide is passed over, unless the VM has no network", async () => {
  const host: Host = { fc: { netDevices: ["agent"] }, kinds: ["builtin"], qemu: { netDevices: ["stream", "builtin"] } };
  expect(await choose(host)).toStartWith("qemu: firecracker: the VM's network did not start");
  expect(await choose(host, undefined, { ...small, network: { kind: "none", deny: [] } })).toBe(
    "firecracker: preferred",
  );
  // where no driver has one, the start says so
  expect(await choose({ ...host, kinds: [] })).toStartWith("firecracker: ");
});
