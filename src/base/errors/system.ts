/** Failures of system mode: its install and its two services. */
import { Exit } from "../exit.ts";
import { spec } from "./spec.ts";

export const systemErrors = {
  SYSTEM_NEEDS_ROOT: spec({
    exit: Exit.Unavailable,
    message: (p: { what: string; command: string }) => `${p.what} needs root; nothing was changed`,
    hint: (p) => `run \`${p.command}\``,
  }),
  SYSTEM_UNSUPPORTED: spec({
    exit: Exit.Unavailable,
    message: (p: { reason: string }) => `banger can't be installed as a service here: ${p.reason}`,
    hint: () =>
      "system mode needs x86-64 Linux with systemd; elsewhere `banger vm run` works without it, for each user separately",
  }),
  SYSTEM_OWNER_INVALID: spec({
    exit: Exit.Usage,
    message: (p: { problem: string }) => `the service needs an owner: ${p.problem}`,
    hint: () => 'name the user whose VMs it runs: `sudo banger system install --owner "$USER"`',
  }),
  SYSTEM_OWNED: spec({
    exit: Exit.Conflict,
    message: (p: { owner: string; wanted: string }) => `the service belongs to ${p.owner}, and can have only one owner`,
    hint: (p) =>
      `${p.wanted} can use banger without the service; to hand it over, run \`sudo banger system uninstall --purge\`, which deletes ${p.owner}'s VMs and images there, then \`sudo banger system install --owner ${p.wanted}\``,
  }),
  SYSTEM_NOT_YOURS: spec({
    exit: Exit.Daemon,
    message: (p: { owner: string; socket: string }) => `the service at ${p.socket} runs the VMs of ${p.owner} only`,
    hint: () => "unset BANGER_SOCKET: you have a daemon of your own, which is started when it is needed",
  }),
  SYSTEM_NOT_INSTALLED: spec({
    exit: Exit.NotFound,
    message: () => "banger is not installed as a service on this host",
    hint: () => '`sudo banger system install --owner "$USER"` installs it',
  }),
  SYSTEM_METADATA_INVALID: spec({
    exit: Exit.Unavailable,
    message: (p: { path: string; problem: string }) => `${p.path} can't be trusted: ${p.problem}`,
    hint: () => "`sudo banger system install --owner USER` rewrites it; give the same owner as before",
  }),
  SYSTEM_STEP_FAILED: spec({
    exit: Exit.Failure,
    message: (p: { step: string; reason: string; after: string }) => `${p.step}: ${p.reason}; ${p.after}`,
    hint: () => "`sudo journalctl -u bangerd.service -u bangerd-root.service` shows what the services logged",
  }),
};
