/** Which accelerator QEMU uses, and the explanation for `doctor` and the logs. */
import { fail } from "../../base/errors/error.ts";

export type Accel = "kvm" | "tcg";

/** `requested` is the value of `BANGER_VMM_ACCEL`; `kvm` is whether the host's `/dev/kvm` can be used. */
export type AccelFacts = {
  requested: string | undefined;
  kvm: { usable: true } | { usable: false; why: string; isDenied?: true };
};

export type AccelChoice = {
  accel: Accel;
  /** why not KVM; empty when it is KVM */
  why: string;
  /** emulation was not requested, but this user lacks permission for KVM */
  kvmDenied?: true;
};

/** @throws VMM_ACCEL_INVALID, VMM_KVM_UNUSABLE (requested, but not available) */
export function chooseAccel(facts: AccelFacts): AccelChoice {
  const { requested, kvm } = facts;
  if (requested === undefined || requested === "") {
    return kvm.usable
      ? { accel: "kvm", why: "" }
      : { accel: "tcg", why: kvm.why, ...(kvm.isDenied && { kvmDenied: true as const }) };
  }
  if (requested === "tcg") return { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" };
  if (requested !== "kvm") throw fail("VMM_ACCEL_INVALID", { value: requested });
  if (!kvm.usable) throw fail("VMM_KVM_UNUSABLE", { reason: kvm.why });
  return { accel: "kvm", why: "" };
}
