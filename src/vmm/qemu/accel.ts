/** Which accelerator QEMU uses, and the explanation for `doctor` and the logs. */
import { fail } from "../../base/errors/error.ts";
import type { KvmProbe } from "../../host/kvm/judge.ts";
import type { SaveRecord } from "../driver.ts";
import { type Saver, saverName } from "../save-files.ts";

export type Accel = "kvm" | "tcg";

/** `requested` is the value of `BANGER_VMM_ACCEL`; `kvm` is whether the host's `/dev/kvm` can be used. */
export type AccelFacts = { requested: string | undefined; kvm: KvmProbe };

export type AccelChoice = {
  accel: Accel;
  /** why not KVM, or who asked for it; empty when it is KVM that nobody asked for */
  why: string;
  /** what to type for KVM; absent with KVM, and when emulation was requested */
  fix?: string;
  /** emulation was not requested, but this user lacks permission for KVM */
  kvmDenied?: true;
};

/**
 * A save made on KVM can't be loaded without it: says why there is none now, and that its rights may come back.
 * @throws SAVE_VERSION
 */
export function requireSameAccel(record: SaveRecord, here: Saver & Pick<AccelChoice, "why" | "fix">): void {
  if (record.driver !== here.driver || record.accel === here.accel) return;
  const present = here.why === "" ? saverName(here) : `${saverName(here)}, which runs now (${here.why}),`;
  throw fail("SAVE_VERSION", { saved: saverName(record), present, ...(here.fix !== undefined && { fix: here.fix }) });
}

/** @throws VMM_ACCEL_INVALID, VMM_KVM_UNUSABLE (requested, but not available) */
export function chooseAccel(facts: AccelFacts): AccelChoice {
  const { requested, kvm } = facts;
  if (requested === undefined || requested === "") {
    if (kvm.usable) return { accel: "kvm", why: "" };
    const { why, fix, isDenied } = kvm;
    return { accel: "tcg", why, fix, ...(isDenied && { kvmDenied: true as const }) };
  }
  if (requested === "tcg") return { accel: "tcg", why: "BANGER_VMM_ACCEL=tcg" };
  if (requested !== "kvm") throw fail("VMM_ACCEL_INVALID", { value: requested });
  if (!kvm.usable) throw fail("VMM_KVM_UNUSABLE", { reason: kvm.why, fix: kvm.fix });
  return { accel: "kvm", why: "BANGER_VMM_ACCEL=kvm" };
}
