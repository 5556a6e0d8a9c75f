import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { kvmCreateVm } from "../libc.ts";
import { groupEntry, kvmHost } from "./host.ts";
import { createVm, probeKvm } from "./probe.ts";

test("probing this host works, with or without KVM", async () => {
  expect(await probeKvm()).toHaveProperty("usable");
  expect(kvmHost()).toMatchObject({ user: expect.any(String), isWsl: expect.any(Boolean) });
});

test("an attempt that a signal interrupts is repeated, but not for ever", () => {
  const answers: ReturnType<typeof kvmCreateVm>[] = [{ error: "EINTR" }, { error: "EINTR" }, { error: "EBUSY" }];
  expect(createVm(0, () => answers.shift() ?? { error: "ENOSYS" })).toBe("EBUSY");
  expect(createVm(0, () => ({ error: "EINTR" }))).toBe("EINTR");
});

test("the error of KVM_CREATE_VM has its name", () => {
  const fd = fs.openSync("/dev/null", "r");
  expect(kvmCreateVm(fd)).toEqual({ error: "ENOTTY" });
  fs.closeSync(fd);
  expect(kvmCreateVm(-1)).toEqual({ error: "EBADF" });
});

test("the name and members of a group", () => {
  const groups = "root:x:0:\nkvm:x:107:ada,bob\n";
  expect(groupEntry(groups, 107)).toEqual({ name: "kvm", members: ["ada", "bob"] });
  expect(groupEntry(groups, 1)).toBeNull();
});
