/** A Debian host without KVM, and the usual /dev/kvm of one that has it. */
import type { KvmDevice, KvmHost } from "../judge.ts";

export const host: KvmHost = {
  user: "ada",
  isRoot: false,
  distribution: "debian",
  container: null,
  isWsl: false,
  hasModule: false,
  device: null,
};
export const device: KvmDevice = { group: "kvm", isForGroup: true, isForSeat: false, membership: "none" };
