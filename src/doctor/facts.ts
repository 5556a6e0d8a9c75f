/** What the checks look at; gathered at the edge, judged in `checks.ts`. */
import type { ContentProblem } from "../model/artifact.ts";
import type { Cage, Gap } from "../model/cage.ts";

export type ToolFact = {
  program: string;
  path: string | null;
  /** why it can't be used though it is there, as the end of a sentence; null: it can */
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
  /** a kept copy stands in for it */
  isKept: boolean;
};

/** What became of a passt that was started as a VM's is. */
export type NetworkFact = {
  /** why it does not start, in passt's own words; null: it starts */
  failure: string | null;
  /** what to do about that */
  fix: string;
  /** the config lets QEMU's own network stand in */
  mayFallBack: boolean;
};

/** `failure`: why nothing can be kept there. */
export type SpaceFact = { path: string; bytes: number } | { path: string; failure: string };

export type CheckFacts = {
  arch: string;
  kernel: string;
  uid: number;
  accelOverride: string | undefined;
  kvm: { usable: true } | { usable: false; why: string };
  /** first line of `qemu-system-x86_64 --version`; null when it is missing */
  qemu: string | null;
  tools: ToolFact[];
  network: NetworkFact;
  /** why the agent can't be asked; null: it can */
  agentFailure: string | null;
  /** the layers of a VMM's cage; null when the agent can't be asked */
  cage: Cage | null;
  /** what this QEMU lacks to keep VMs of one template apart; null: nothing, or there is no QEMU */
  sharing: Gap | null;
  /** what the config says; `auto` where it can't be read */
  confinement: "auto" | "required";
  /** the user's entry in subuid and subgid; root needs none */
  subordinateIds: boolean;
  /** bytes that the user may still write where state and cache are */
  free: SpaceFact[];
  /** what is wrong with the user's config, nothing when there is none */
  config: { file: string; problems: readonly string[] };
  /** those that the config names, as this process could get them */
  catalogs: CatalogFact[];
  /** images and kernels, as the daemon has them; null: it does not run, or does not say */
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
