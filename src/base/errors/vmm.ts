/** Failures of VMM drivers, KVM and VM networks. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

const coldStart =
  "`banger vm start --cold NAME` boots it from its disk (`banger vm restore --cold NAME SNAPSHOT` from a snapshot's): files are kept, running programs are lost";

export const vmmErrors = {
  VMM_NOT_FOUND: spec({
    exit: Exit.Unavailable,
    message: (p: { program: string; install: string; reason?: string }) => p.reason ?? `${p.program} is not installed`,
    hint: (p) => p.install,
  }),
  VMM_UNFIT: spec({
    exit: Exit.Unavailable,
    message: (p: { driver: string; problem: string; next: string }) => `${p.driver} can't run this VM: ${p.problem}`,
    hint: (p) => `\`--vmm auto\` chooses a VMM that can; for this one, ${p.next}`,
  }),
  VMM_START_FAILED: spec({
    exit: Exit.Unavailable,
    message: (p: { driver: string; reason: string }) => `${p.driver} did not start: ${p.reason}`,
    hint: () => "`banger doctor` checks the host; `banger vm logs NAME --vmm` shows the VMM's output",
  }),
  CONFINEMENT_INCOMPLETE: spec({
    exit: Exit.Unavailable,
    message: (p: { program: string; missing: string }) =>
      `${p.program} can't be confined as the config requires: ${p.missing}`,
    hint: () =>
      '`banger doctor` shows each layer; `confinement = "auto"` in config.toml runs it with the layers that are available',
  }),
  VMM_ACCEL_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { value: string }) => `BANGER_VMM_ACCEL is "${p.value}"`,
    hint: () => "set it to tcg or kvm, or leave it unset",
  }),
  VMM_KVM_UNUSABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { reason: string; fix: string }) => `KVM was requested but can't be used: ${p.reason}`,
    hint: (p) => `${p.fix}; without BANGER_VMM_ACCEL, VMs are emulated`,
  }),
  NESTED_UNAVAILABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { driver: string; accel: string }) =>
      `VMs can't run VMs of their own here: ${p.driver} (${p.accel}) does not offer it on this host`,
    hint: () =>
      "leave out --nested, or `--vmm firecracker`, which never offers it, or turn nested virtualisation on: `cat /sys/module/kvm_*/parameters/nested` shows whether it is (docs/hosts.md)",
  }),
  VMM_UNREACHABLE: spec({
    exit: Exit.Failure,
    message: (p: { driver: string; pid: number; reason: string }) =>
      `${p.driver} runs as process ${p.pid} but does not answer: ${p.reason}`,
    hint: () => "`banger vm kill NAME` ends it; its disk is kept",
  }),
  SAVE_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { driver: string; reason: string }) => `${p.driver} could not save the VM: ${p.reason}`,
    hint: () => "the VM can continue as before; nothing incomplete was kept",
  }),
  SAVE_VERSION: spec({
    exit: Exit.Unavailable,
    message: (p: { saved: string; present: string; fix?: string }) =>
      `the VM was saved by ${p.saved}; ${p.present} can't restore it`,
    hint: (p) => (p.fix === undefined ? coldStart : `${p.fix}; or ${coldStart}`),
  }),
  SAVE_OTHER_DEVICES: spec({
    exit: Exit.Unavailable,
    message: (p: { saved: string; present: string }) => `the saved VM has other devices: ${p.saved}, not ${p.present}`,
    hint: () => coldStart,
  }),
  SAVE_DAMAGED: spec({
    exit: Exit.Failure,
    message: (p: { path: string; problem: string }) => `a saved VM is damaged: ${p.path} ${p.problem}`,
    hint: () => coldStart,
  }),
  NETWORK_FAILED: spec({
    exit: Exit.Unavailable,
    message: (p: { program: string; reason: string; install?: string }) =>
      `the VM's network did not start: ${p.program}: ${p.reason}`,
    hint: (p) => `${p.install ?? "`banger doctor` checks the host"}; \`--network none\` starts a VM without a network`,
  }),
  NETWORK_NEEDS_SYSTEM: spec({
    exit: Exit.Unavailable,
    message: (p: { kind: string }) => `the network "${p.kind}" needs system mode`,
    hint: () => "`sudo banger system install` sets it up; `--network user` works without it",
  }),
  DNS_UNAVAILABLE: spec({
    exit: Exit.Unavailable,
    message: (p: { address: string; port: number; reason: string }) =>
      `names of VMs can't be answered at ${p.address} port ${p.port}: ${dnsReasons[p.reason]?.what ?? p.reason}`,
    hint: (p) => dnsReasons[p.reason]?.next ?? "the daemon's log has the whole error; VMs run without it",
  }),
};

const dnsReasons: Record<string, { what: string; next: string }> = {
  EADDRINUSE: {
    what: "another program listens there (EADDRINUSE)",
    next: "`sudo ss -lnptu sport = :53` shows which one; have it listen on addresses of its own instead of on all (docs/dns-routing.md)",
  },
  EADDRNOTAVAIL: {
    what: "the host does not have that address now (EADDRNOTAVAIL)",
    next: "`sudo banger system restart` makes the bridge again",
  },
  EACCES: {
    what: "ports below 1024 are not allowed (EACCES)",
    next: "`sudo banger system restart` starts the daemon with the right to them",
  },
};
