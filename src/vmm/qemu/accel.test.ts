import { expect, test } from "bun:test";
import type { SaveRecord } from "../driver.ts";
import { type AccelFacts, chooseAccel, requireSameAccel } from "./accel.ts";

const usable: AccelFacts["kvm"] = { usable: true, nested: true };
const none: AccelFacts["kvm"] = { usable: false, why: "/dev/kvm does not exist", fix: "make it" };

const denied: AccelFacts["kvm"] = { usable: false, why: "not yours", fix: "join", isDenied: true };

test.each([
  [undefined, denied, { accel: "tcg", why: "not yours", fix: "join", kvmDenied: true }],
  ["tcg", denied, { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" }],
  [undefined, usable, { accel: "kvm", why: "" }],
  ["", usable, { accel: "kvm", why: "" }],
  [undefined, none, { accel: "tcg", why: "/dev/kvm does not exist", fix: "make it" }],
  ["tcg", usable, { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" }],
  ["tcg", none, { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" }],
  ["kvm", usable, { accel: "kvm", why: "BANGER_VMM_ACCEL=kvm" }],
] as const)("requested %p with %p", (requested, kvm, choice) => {
  expect(chooseAccel({ requested, kvm })).toEqual(choice);
});

test("KVM that was requested but is not available is refused with the reason", () => {
  expect(() => chooseAccel({ requested: "kvm", kvm: none })).toThrow(/does not exist/);
});

test("an unknown accelerator is refused", () => {
  expect(() => chooseAccel({ requested: "xen", kvm: usable })).toThrow(
    expect.objectContaining({ code: "VMM_ACCEL_INVALID" }),
  );
});

test("a save made on KVM that is gone now says why, and how to have it again", () => {
  const record = { driver: "qemu", version: "7.2.22", accel: "kvm" } as SaveRecord;
  const here = {
    driver: "qemu",
    version: "7.2.22",
    accel: "tcg",
    why: "not yours",
    fix: "join the group kvm",
  } as const;
  expect(() => requireSameAccel(record, here)).toThrow(
    expect.objectContaining({
      code: "SAVE_VERSION",
      message: "the VM was saved by qemu 7.2.22 (kvm); qemu 7.2.22 (tcg), which runs now (not yours), can't restore it",
      hint: expect.stringMatching(/^join the group kvm; or `banger vm start --cold NAME`/),
    }),
  );
  expect(() => requireSameAccel({ ...record, accel: "tcg" }, { ...here, accel: "kvm", why: "" })).toThrow(
    "saved by qemu 7.2.22 (tcg); qemu 7.2.22 (kvm) can't restore it",
  );
  requireSameAccel(record, { ...here, accel: "kvm", why: "" });
});
