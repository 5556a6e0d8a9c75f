/** `banger system status`: what is installed, whether it runs, and who may connect. Needs no root. */
import { fail, toBangerError } from "../base/errors/error.ts";
import { exists } from "../host/files/files.ts";
import { ownedBy } from "../host/files/owner.ts";
import { hashesOf } from "../host/files/placed.ts";
import type { InstallMetadata } from "../model/install.ts";
import { readMetadata } from "./metadata.ts";
import { units } from "./plan.ts";
import { showUnit, type UnitState } from "./services.ts";
import type { SystemWorld } from "./world.ts";

export type SocketState = { path: string /** `missing`, or who may connect */; state: string };

export type SystemStatus = {
  owner: InstallMetadata["owner"];
  /** as installed */
  version: string;
  /** as the daemon answers; else why it does not, or that only its owner may ask */
  answers: string;
  bridge: string;
  units: UnitState[];
  /** by program: `as installed`, `changed`, `missing` */
  programs: Record<string, string>;
  sockets: SocketState[];
  /** an install was begun and not finished */
  interrupted: boolean;
  /** what is not as it should be, one sentence each */
  problems: string[];
};

/** @throws SYSTEM_NOT_INSTALLED, SYSTEM_METADATA_INVALID */
export async function systemStatus(world: SystemWorld): Promise<SystemStatus> {
  const { paths } = world;
  const interrupted = await exists(paths.installJournal).catch(() => false);
  const found = readMetadata(world);
  if (found === null && !interrupted) throw fail("SYSTEM_NOT_INSTALLED", {});
  if (found === null || "problem" in found)
    throw fail("SYSTEM_METADATA_INVALID", {
      path: paths.metadata,
      problem: found?.problem ?? "an install was interrupted",
    });
  const { owner, version, bridge, files } = found.metadata;
  const hashes = await hashesOf(Object.keys(files).map((name) => `${paths.current}/${name}`));
  const { answers, isAnswered } = await answerOf(world, found.metadata);
  const facts = {
    owner,
    version,
    bridge,
    interrupted,
    units: await Promise.all(units.map((name) => showUnit(world, name))),
    programs: Object.fromEntries(Object.entries(files).map(([name, hash], at) => [name, compared(hash, hashes[at])])),
    sockets: socketsOf(world, owner),
    answers,
  };
  return { ...facts, problems: problemsOf({ ...facts, isAnswered }) };
}

function compared(hash: string, found: string | null | undefined): string {
  if (!found) return "missing";
  return found === hash ? "as installed" : "changed";
}

function socketsOf({ data, paths }: SystemWorld, owner: InstallMetadata["owner"]): SocketState[] {
  const daemon = `${data.runtime}/bangerd.sock`;
  return [
    { path: daemon, state: ownedBy(data.runtime) ? `${owner.name} (uid ${owner.uid}) and root` : "missing" },
    {
      path: paths.helperSocket,
      state: ownedBy(paths.helperRuntime) ? "the main process of bangerd.service" : "missing",
    },
  ];
}

async function answerOf(world: SystemWorld, { owner, version }: InstallMetadata) {
  if (world.uid !== 0 && world.uid !== owner.uid)
    return { answers: `only ${owner.name} and root may ask`, isAnswered: true };
  try {
    const answers = await world.daemonVersion(owner);
    return { answers, isAnswered: answers === version };
  } catch (error) {
    return { answers: toBangerError(error).message, isAnswered: false };
  }
}

function problemsOf(facts: Omit<SystemStatus, "problems"> & { isAnswered: boolean }): string[] {
  const down = facts.units
    .filter(({ active }) => active !== "active")
    .map(({ name, active }) => `${name} is ${active}`);
  const disabled = facts.units
    .filter(({ enabled }) => enabled !== "enabled")
    .map(({ name, enabled }) => `${name} does not start at boot: it is ${enabled}`);
  const programs = Object.entries(facts.programs)
    .filter(([, state]) => state !== "as installed")
    .map(([name, state]) => `${name} is ${state}${state === "changed" ? " since the install" : ""}`);
  const answer = facts.isAnswered ? [] : [`the daemon does not answer as version ${facts.version}: ${facts.answers}`];
  const interrupted = facts.interrupted ? ["an install was interrupted: `sudo banger system install` finishes it"] : [];
  return [...interrupted, ...down, ...disabled, ...programs, ...answer];
}
