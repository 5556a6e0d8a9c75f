/** What an install does, step by step, as data: the same list is printed by `--dry-run`, done, and undone. Pure. */
import { bridgeName } from "../model/bridge.ts";
import { formatMetadata, type Owner } from "../model/install.ts";
import type { SystemPaths } from "../model/paths.ts";
import { daemonUnit, daemonUnitText, helperUnit, helperUnitText } from "./units.ts";

/** what is installed; `bangerd` is `banger` under another name */
export const programs = ["banger", "bangerd", "banger-vsock-agent"] as const;
/** those that get a link in `/usr/local/bin` */
const commands = ["banger", "bangerd"] as const;

export const units = [helperUnit, daemonUnit] as const;

export type Step =
  | { kind: "folder"; path: string; mode: number }
  /** a folder with the programs, of which a former one is kept until the install is complete */
  | { kind: "programs"; path: string; from: string; hashes: Record<string, string> }
  | { kind: "link"; path: string; target: string }
  | { kind: "file"; path: string; text: string; mode: number }
  /** `systemctl daemon-reload`, and a restart of both units that ends when they are ready */
  | { kind: "start" };

export type PlanFacts = {
  owner: Owner;
  home: string;
  hasKvmGroup: boolean;
  paths: SystemPaths;
  version: string;
  /** the folder of the programs to be installed */
  from: string;
  /** sha256 in hex of each of them, by name */
  hashes: Record<string, string>;
  /** where `current` leads, and `previous`; null without them */
  current: string | null;
};

export function installPlan(facts: PlanFacts): Step[] {
  const { paths, version, from, hashes, owner, current } = facts;
  const metadata = { owner, version, bridge: bridgeName, files: hashes };
  const isUpgrade = current !== null && current !== version;
  return [
    { kind: "folder", path: paths.programs, mode: 0o755 },
    { kind: "programs", path: paths.version(version), from, hashes },
    ...(isUpgrade ? [link(paths.previous, current)] : []),
    link(paths.current, version),
    { kind: "folder", path: paths.commands, mode: 0o755 },
    ...commands.map((name) => link(paths.command(name), `../lib/banger/current/${name}`)),
    { kind: "file", path: paths.metadata, text: formatMetadata(metadata), mode: 0o644 },
    ...unitSteps(facts),
    { kind: "start" },
  ];
}

/** The links are what `systemctl enable` makes; as steps they are undone like everything else. */
function unitSteps(facts: PlanFacts): Step[] {
  const { paths } = facts;
  const texts = { [daemonUnit]: daemonUnitText(facts), [helperUnit]: helperUnitText(facts) };
  return [
    ...units.map((name): Step => ({ kind: "file", path: paths.unit(name), text: texts[name], mode: 0o644 })),
    { kind: "folder", path: parentOf(paths.wanted(daemonUnit)), mode: 0o755 },
    ...units.map((name) => link(paths.wanted(name), `/etc/systemd/system/${name}`)),
  ];
}

function link(path: string, target: string): Step {
  return { kind: "link", path, target };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** A step as one line for people. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "folder":
      return `make the folder ${step.path}, unless it is there`;
    case "programs":
      return `copy ${Object.keys(step.hashes).join(", ")} from ${step.from} to ${step.path}`;
    case "link":
      return `link ${step.path} to ${step.target}`;
    case "file":
      return `write ${step.path}`;
    case "start":
      return `start ${units.join(" and ")}, and wait until both answer`;
  }
}
