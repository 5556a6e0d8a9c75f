/** `banger system install`: decides, and has the plan carried out. */
import { fail } from "../base/errors/error.ts";
import { exists } from "../host/files/files.ts";
import { ownedBy } from "../host/files/owner.ts";
import { hashesOf, lookAt } from "../host/files/placed.ts";
import { pathsOf, rootlessRoots } from "../model/paths.ts";
import { applyPlan } from "./apply.ts";
import { readJournal } from "./journal.ts";
import { readMetadata } from "./metadata.ts";
import { type OwnerFacts, ownerName, parseUser, requireOwner, type User } from "./owner.ts";
import { describeStep, installPlan, programs, type Step } from "./plan.ts";
import { requireRoot, requireSupport } from "./requirements.ts";
import { showUnit } from "./services.ts";
import { daemonUnit, helperUnit } from "./units.ts";
import type { SystemWorld } from "./world.ts";

export type InstallRequest = { owner: string | undefined; dryRun: boolean };

export type InstallReport = {
  owner: string;
  version: string;
  /** the version that was replaced; null at a first install, and when it is the same */
  replaced: string | null;
  /** one line each, in order */
  steps: string[];
  /** texts by path */
  units: Record<string, string>;
  /** the owner's own daemon has images and VMs, in this folder; null without */
  rootless: string | null;
};

/**
 * With `dryRun` nothing is changed, and no root is needed.
 * @throws SYSTEM_UNSUPPORTED, SYSTEM_NEEDS_ROOT, SYSTEM_OWNER_INVALID, SYSTEM_OWNED, FILE_INVALID, SYSTEM_STEP_FAILED
 */
export async function install(world: SystemWorld, { owner: asked, dryRun }: InstallRequest): Promise<InstallReport> {
  requireSupport(world);
  if (!dryRun)
    requireRoot(world, "installing the service", `system install${asked ? ` --owner ${asked}` : ' --owner "$USER"'}`);
  const user = await findOwner(world, asked);
  const { plan, current } = await planFor(world, user);
  if (!dryRun) await applyPlan(world, plan, () => requireAnswers(world, user));
  return {
    owner: user.name,
    version: world.version,
    replaced: current === world.version ? null : current,
    steps: plan.map(describeStep),
    units: Object.fromEntries(plan.flatMap((step) => unitText(step))),
    rootless: await rootlessFolder(user),
  };
}

async function findOwner(world: SystemWorld, asked: string | undefined): Promise<User> {
  const found = readMetadata(world);
  const installed = found && "metadata" in found ? found.metadata.owner : null;
  const stateOwner = await stateOwnerOf(world);
  const facts: OwnerFacts = { asked, sudoUser: world.sudoUser, installed, stateOwner };
  const name = ownerName(facts);
  return requireOwner(name, await findUser(world, name), facts);
}

/** Root's folder is one that systemd has not given to anybody yet. */
async function stateOwnerOf(world: SystemWorld): Promise<OwnerFacts["stateOwner"]> {
  const { uid = 0 } = ownedBy(world.data.state) ?? {};
  return uid === 0 ? null : { uid, name: (await findUser(world, String(uid)))?.name ?? `uid ${uid}` };
}

async function findUser({ exec }: SystemWorld, nameOrUid: string): Promise<User | null> {
  const { stdout } = await exec(["getent", "passwd", "--", nameOrUid]);
  return parseUser(new TextDecoder().decode(stdout));
}

async function planFor(world: SystemWorld, user: User): Promise<{ plan: Step[]; current: string | null }> {
  const { paths, version, from } = world;
  const { name, uid, gid, home } = user;
  // the version that an interrupted install was to replace is the one that this one replaces
  const interrupted = await readJournal(paths.installJournal);
  const current = interrupted?.[paths.current] ?? (await lookAt(paths.current, 0));
  const kvm = await world.exec(["getent", "group", "kvm"]);
  const facts = {
    owner: { name, uid, gid },
    home,
    hasKvmGroup: kvm.exitCode === 0,
    paths,
    version,
    from,
    hashes: await programHashes(from),
    current: current.kind === "link" ? current.target : null,
  };
  return { plan: installPlan(facts), current: facts.current };
}

/** @throws FILE_INVALID for a program that is not there */
async function programHashes(from: string): Promise<Record<string, string>> {
  const found = await hashesOf(programs.map((name) => `${from}/${name}`));
  const entries = programs.map((name, at) => [name, found[at] ?? null] as const);
  const missing = entries.find(([, hash]) => hash === null);
  if (missing) {
    const next = "run banger from a build (`make build`) or an installation, where its other programs are beside it";
    throw fail("FILE_INVALID", { path: `${from}/${missing[0]}`, problem: "is missing, and is a part of banger", next });
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Both units are ready by then; this is that what answers is what was installed. */
async function requireAnswers(world: SystemWorld, user: User): Promise<void> {
  const version = await world.daemonVersion(user);
  if (version !== world.version) throw new Error(`version ${version} answers, not ${world.version}`);
  const states = await Promise.all([helperUnit, daemonUnit].map((name) => showUnit(world, name)));
  const down = states.find(({ active }) => active !== "active");
  if (down) throw new Error(`${down.name} is ${down.active}`);
}

function unitText(step: Step): [string, string][] {
  return step.kind === "file" && step.path.endsWith(".service") ? [[step.path, step.text]] : [];
}

/** Only its name is looked at: it is the user's, and this is root. */
async function rootlessFolder({ home }: User): Promise<string | null> {
  const paths = pathsOf(rootlessRoots({ home, env: {} }));
  return (await exists(paths.database).catch(() => false)) ? paths.roots.state : null;
}
