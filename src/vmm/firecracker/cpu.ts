/** What a guest does not see of the host's CPU: Firecracker hands on whatever KVM offers. Pure. */
import { type CpuFeatures, commonFeatures, hiddenFeatures } from "../../host/kvm/cpu.ts";
import type { HiddenBits } from "../../wire/firecracker/requests.ts";

/**
 * Nested virtualisation, whose state Firecracker does not save, and performance counters. Only what is offered: Firecracker starts
 * no VM when it is to change a leaf that KVM does not have.
 */
export function hiddenBits(offered: CpuFeatures): HiddenBits[] {
  return Object.entries(commonFeatures(offered, hiddenFeatures)).map(([word, bits]) => {
    const [leaf = "", , register = ""] = word.split(".");
    return { leaf: Number.parseInt(leaf, 16), register, bits: Number.parseInt(bits, 16) };
  });
}
