import { expect, test } from "bun:test";
import { type AccelFacts, chooseAccel } from "./accel.ts";

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
