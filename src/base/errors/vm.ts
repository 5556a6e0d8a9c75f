/** Failures of VMs that users name. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const vmErrors = {
  VM_NOT_FOUND: spec({
    exit: Exit.NotFound,
    message: (p: { name: string; nearest?: string }) => `no VM is named "${p.name}"`,
    hint: (p) =>
      p.nearest ? `did you mean "${p.nearest}"? \`banger vm ls\` shows every VM` : "`banger vm ls` shows every VM",
  }),
  VM_NAME_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { text: string }) => `"${p.text}" is not a VM name`,
    hint: () => "use 1-32 lower-case letters, digits and inner hyphens, as in `--name web-1`",
  }),
  VM_NAME_TAKEN: spec({
    exit: Exit.Conflict,
    message: (p: { name: string }) => `a VM named "${p.name}" already exists`,
    hint: (p) => `choose another --name, or remove it with \`banger vm delete ${p.name}\``,
  }),
  VM_STATE: spec({
    exit: Exit.Conflict,
    message: (p: { name: string; state: string; action: string; next: string }) =>
      `can't ${p.action} VM "${p.name}": it is ${p.state}`,
    hint: (p) => p.next,
  }),
  VM_BOOT_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string }) => `VM "${p.name}" did not start: ${p.reason}`,
    hint: (p) => `the VM is kept: see \`banger vm logs ${p.name}\`, then \`banger vm delete ${p.name}\``,
  }),
  VM_WAKE_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string; canWake: boolean }) =>
      `VM "${p.name}" could not be woken: ${p.reason}${p.canWake ? "" : "; its guest wrote to its disk before that, so its memory can't be used any more"}`,
    hint: (p) =>
      p.canWake
        ? `it is still suspended: try again with \`banger vm start ${p.name}\`, or boot it from its disk with \`banger vm start --cold ${p.name}\`; \`banger vm logs ${p.name}\` shows its console`
        : `\`banger vm start --cold ${p.name}\` boots it from its disk: files are kept, running programs are lost`,
  }),
  VM_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; reason: string }) => `VM "${p.name}" failed: ${p.reason}`,
    hint: (p) =>
      `see \`banger vm logs ${p.name}\`, then \`banger vm start ${p.name}\` or \`banger vm delete ${p.name}\``,
  }),
  VM_SPEC_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { field: string; value: string; problem: string }) => `${p.field}: "${p.value}" ${p.problem}`,
    hint: (p: { field: string; value: string; problem: string; example?: string }) =>
      p.example ? `for example ${p.example}` : "see `banger vm create --help`",
  }),
  SERVICES_LATE: spec({
    exit: Exit.Failure,
    message: (p: { seconds: number }) => `the guest's services are not up after ${p.seconds} s`,
    hint: () => "`systemctl list-jobs` in the guest shows what it waits for",
  }),
  VM_CANCELLED: spec({
    exit: Exit.Failure,
    message: (p: { name: string; during: string }) => `${p.during} VM "${p.name}" was cancelled`,
    hint: () => "nothing was left behind",
  }),
};
