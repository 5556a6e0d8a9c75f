import { expect, test } from "bun:test";
import { type AccelFact, acceleration } from "./acceleration.ts";

const kvm: AccelFact = { accel: "kvm", why: "" };
const askedKvm: AccelFact = { accel: "kvm", why: "BANGER_VMM_ACCEL=kvm" };
const asked: AccelFact = { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" };
const denied: AccelFact = { accel: "tcg", why: "/dev/kvm may not be opened by this user", fix: "join the group kvm" };
const nonsense: AccelFact = { failure: 'BANGER_VMM_ACCEL is "xen"', fix: "set it to tcg or kvm, or leave it unset" };

test.each([
  [kvm, "ok", "KVM", undefined],
  [askedKvm, "ok", "KVM: BANGER_VMM_ACCEL=kvm", undefined],
  [asked, "ok", "emulation (TCG): BANGER_VMM_ACCEL=tcg", undefined],
  [
    denied,
    "warning",
    "emulation (TCG): /dev/kvm may not be opened by this user; VMs run several times slower",
    "join the group kvm",
  ],
  [nonsense, "failure", 'BANGER_VMM_ACCEL is "xen"', "set it to tcg or kvm, or leave it unset"],
] as [AccelFact, string, string, string | undefined][])(
  "%o: %s, the daemon's as well as this process's",
  (fact, status, text, fix) => {
    for (const accel of [
      { own: fact, daemon: null },
      { own: fact, daemon: fact },
    ])
      expect(acceleration({ accel })).toMatchObject({ status, text, ...(fix !== undefined && { fix }) });
  },
);

test.each([
  [askedKvm, kvm, "ok", "KVM: BANGER_VMM_ACCEL=kvm"],
  [kvm, askedKvm, "ok", "KVM"],
  [asked, denied, "ok", "emulation (TCG): BANGER_VMM_ACCEL=tcg"],
  [denied, asked, "warning", "emulation (TCG): /dev/kvm may not be opened by this user; VMs run several times slower"],
] as [AccelFact, AccelFact, string, string][])(
  "a daemon with %o where this process has the same for another reason (%o): nothing would change",
  (daemon, own, status, text) => {
    expect(acceleration({ accel: { own, daemon } })).toMatchObject({ status, text });
  },
);

test("a daemon that began before its user joined the group: what to type is the daemon's end", () => {
  const finding = acceleration({ accel: { own: kvm, daemon: denied } });
  expect(finding).toMatchObject({
    status: "warning",
    text: "emulation (TCG): /dev/kvm may not be opened by this user; VMs run several times slower; that is the running daemon's, and one started now would have KVM",
    fix: expect.stringContaining("banger daemon stop"),
  });
});

test.each([
  [kvm, asked, "one started now would have emulation (TCG): BANGER_VMM_ACCEL=tcg", "warning"],
  [kvm, denied, "one started now would have emulation (TCG): /dev/kvm may not be opened by this user", "warning"],
  [asked, kvm, "one started now would have KVM", "warning"],
  [kvm, nonsense, 'one started now would have no accelerator: BANGER_VMM_ACCEL is "xen"', "warning"],
  [nonsense, kvm, "one started now would have KVM", "failure"],
] as [AccelFact, AccelFact, string, string][])(
  "a daemon with %o where this process has %o says both",
  (daemon, own, text, status) => {
    const finding = acceleration({ accel: { own, daemon } });
    expect(finding).toMatchObject({ status, text: expect.stringContaining(text), fix: expect.stringMatching(/./) });
  },
);
