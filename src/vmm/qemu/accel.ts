/** Which accelerator QEMU uses, and the words that explain the choice to `doctor` and the logs. */
import { fail } from "../../base/errors/error.ts";

export type Accel = "kvm" | "tcg";

/** What the choice depends on: the wish from `BANGER_VMM_ACCEL` and what the host's `/dev/kvm` can do. */
export type AccelFacts = {
  wish: string | undefined;
  kvm: { usable: true } | { usable: false; why: string; isDenied?: true };
};

export type AccelChoice = {
  accel: Accel;
  /** why not KVM; empty when it is KVM */
  why: string;
  /** nobody asked for emulation, and another user could have KVM */
  kvmDenied?: true;
};

/** @throws VMM_ACCEL_INVALID, VMM_KVM_UNUSABLE (asked for, but not to be had) */
export function chooseAccel(facts: AccelFacts): AccelChoice {
  const { wish, kvm } = facts;
  if (wish === undefined || wish === "") {
    return kvm.usable
      ? { accel: "kvm", why: "" }
      : { accel: "tcg", why: kvm.why, ...(kvm.isDenied && { kvmDenied: true as const }) };
  }
  if (wish === "tcg") return { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" };
  if (wish !== "kvm") throw fail("VMM_ACCEL_INVALID", { value: wish });
  if (!kvm.usable) throw fail("VMM_KVM_UNUSABLE", { reason: kvm.why });
  return { accel: "kvm", why: "" };
}
