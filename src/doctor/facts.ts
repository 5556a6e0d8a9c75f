/** The facts about a host that `checks.ts` judges. `bin/` gathers them. */
import type { ContentProblem } from "../model/artifact.ts";
import type { Cage, Gap } from "../model/cage.ts";
import type { VmmChoice } from "../model/vmm.ts";
import type { AccelFact } from "./acceleration.ts";
import type { DnsFact } from "./dns.ts";
import type { ServicesFact } from "./services.ts";
import type { SystemFact } from "./system.ts";
import type { UserDnsFact } from "./user-dns.ts";

export type ToolFact = {
  program: string;
  path: string | null;
  /** why it is installed but can't be used, as the end of a sentence; null: it can */
  failure: string | null;
  why: string;
  install: string;
  needed: "always" | "build";
};

export type CatalogFact = {
  url: string;
  entries: number;
  /** why the catalog at the URL is not used; null: it is */
  failure: { message: string; hint: string /** it may be fine, and is out of reach */; isOutOfReach: boolean } | null;
  /** a kept copy is used instead */
  isKept: boolean;
};

/** As its driver's probe has it: usable, or why not. */
export type FirecrackerFact =
  | {
      program: string;
      version: string;
      /** what may not work with that version; null: nothing */
      caution: string | null;
      /** how to get the version that is tested */
      install: string;
    }
  | { why: string; fix: string };

/** The outcome of starting passt as for a VM. */
export type NetworkFact = {
  /** why it does not start, as passt reports it; null: it starts */
  failure: string | null;
  /** what to do about it */
  fix: string;
  /** the config allows QEMU's own network instead */
  mayFallBack: boolean;
};

/** `failure`: why nothing can be written there. */
export type SpaceFact = { path: string; bytes: number } | { path: string; failure: string };

export type CheckFacts = {
  arch: string;
  kernel: string;
  uid: number;
  /** what this process would decide, and what the daemon decides; null: it is not running, or does not say */
  accel: { own: AccelFact; daemon: AccelFact | null };
  /** from the config; `auto` if it can't be read */
  vmm: VmmChoice;
  firecracker: FirecrackerFact;
  /** first line of `qemu-system-x86_64 --version`; null when it is missing */
  qemu: string | null;
  tools: ToolFact[];
  network: NetworkFact;
  /** null: there is no system mode, or it is another user's */
  dns: DnsFact | null;
  /** null: the daemon does not run, is an older one, or the service's */
  userDns: UserDnsFact | null;
  /** null: there is no system mode, or it is another user's */
  services: ServicesFact | null;
  /** null: there is no system mode, or it is another user's */
  system: SystemFact | null;
  /** why the agent can't be run; null: it can */
  agentFailure: string | null;
  /** the layers of a VMM's cage; null when the agent can't be run */
  cage: Cage | null;
  /** what this QEMU lacks to keep the VMs of one template apart; null: nothing, or there is no QEMU */
  sharing: Gap | null;
  /** from the config; `auto` if it can't be read */
  confinement: "auto" | "required";
  /** whether the user has entries in subuid(5) and subgid(5); root needs none */
  subordinateIds: boolean;
  /** bytes that the user can still write to the state and cache folders */
  free: SpaceFact[];
  /** problems of the user's config; none if there is no config */
  config: { file: string; problems: readonly string[] };
  /** the catalogs that the config names, as far as this process could fetch them */
  catalogs: CatalogFact[];
  /** images and kernels as the daemon reports them; null: it is not running, or too old to report them */
  contents: { count: number; damaged: ContentProblem[] } | null;
  daemon:
    | { state: "none" }
    | {
        state: "running";
        version: string;
        pid: number;
        leftovers: { path: string; reason: string; next: string }[];
        uncaught: { count: number; last: string | null };
      }
    | { state: "unreachable"; reason: string };
  version: string;
};
