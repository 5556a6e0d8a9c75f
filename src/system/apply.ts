/**
 * Carries out an install's steps. When one fails, all are undone; when the program is killed between any two, the journal has what was
 * there before, and each step can be done again.
 */
import { fail, toBangerError } from "../base/errors/error.ts";
import { listFolder, removeTree, renameDurable, writeAtomic } from "../host/files/files.ts";
import {
  type Found,
  hashesOf,
  linkFile,
  lookAt,
  placeFolder,
  placeLink,
  placeProgram,
  removeIfEmpty,
  removePlaced,
} from "../host/files/placed.ts";
import { type Formers, formatJournal, readJournal } from "./journal.ts";
import { describeStep, type Step, units } from "./plan.ts";
import { startUnits, stopUnits } from "./services.ts";
import type { SystemWorld } from "./world.ts";

/** bytes of a unit or of the metadata; what is longer was not written by banger */
const maxText = 64 * 1024;

/** @throws SYSTEM_STEP_FAILED when all is as it was before, or naming what is left; FILE_INVALID before any change */
export async function applyPlan(world: SystemWorld, plan: readonly Step[], ready: () => Promise<void>): Promise<void> {
  const { paths } = world;
  const interrupted = await readJournal(paths.installJournal);
  const formers = await readFormers(plan, interrupted ?? {});
  world.before("the journal");
  const madeSettings = await placeFolder(paths.settings, 0o755);
  await writeAtomic(paths.installJournal, formatJournal(formers));
  const done: Step[] = [];
  try {
    for (const step of plan) {
      done.push(step);
      world.before(describeStep(step));
      await applyStep(world, step, ready);
    }
  } catch (cause) {
    // an interrupted install may have got further than this one
    const after = await undo(world, interrupted ? plan : done, formers, madeSettings || interrupted !== null);
    const step = describeStep(done.at(-1) as Step);
    const reason = toBangerError(cause).message.replace(/^internal error: /, "");
    throw fail("SYSTEM_STEP_FAILED", { step: `could not ${step}`, reason, after }, cause);
  }
  world.before("the end");
  await tidy(world);
  await removePlaced(paths.installJournal);
}

/** What an interrupted install found counts before what it left. */
async function readFormers(plan: readonly Step[], interrupted: Formers): Promise<Formers> {
  const formers: Formers = {};
  for (const step of plan) {
    if (step.kind === "start") continue;
    const found = await lookAt(step.path, maxText);
    requireOurs(step, found);
    formers[step.path] = interrupted[step.path] ?? found;
  }
  return { ...interrupted, ...formers };
}

/** Something else in the place of a file or link stays there: a folder, another program's file in `/usr/local/bin`. */
function requireOurs(step: Exclude<Step, { kind: "start" }>, found: Found): void {
  const expected = step.kind === "programs" ? "folder" : step.kind;
  if (found.kind === "nothing" || found.kind === expected) return;
  const problem = found.kind === "other" ? found.what : `is a ${found.kind}, where banger's ${expected} goes`;
  throw fail("FILE_INVALID", { path: step.path, problem });
}

async function applyStep(world: SystemWorld, step: Step, ready: () => Promise<void>): Promise<void> {
  switch (step.kind) {
    case "folder":
      return void (await placeFolder(step.path, step.mode));
    case "programs":
      return placePrograms(world, step);
    case "link":
      return placeLink(step.target, step.path);
    case "file":
      return writeAtomic(step.path, step.text, step.mode);
    case "start":
      await startUnits(world, units);
      return ready();
  }
}

type Programs = Extract<Step, { kind: "programs" }>;

/** Where a folder of programs is until all of them are in it, and where the one it replaces waits. */
function besides(path: string) {
  const at = path.lastIndexOf("/");
  const beside = (label: string) => `${path.slice(0, at)}/.${path.slice(at + 1)}.${label}`;
  return { made: beside("new"), former: beside("former") };
}

async function placePrograms(world: SystemWorld, { path, from, hashes }: Programs): Promise<void> {
  if (await hasPrograms(path, hashes)) return;
  const { made, former } = besides(path);
  await removeTree(made);
  await placeFolder(made, 0o755);
  for (const [name, hash] of Object.entries(hashes)) {
    world.before(`copy ${name}`);
    if (name === "bangerd" && hash === hashes["banger"]) await linkFile(`${made}/banger`, `${made}/${name}`);
    else if ((await placeProgram(`${from}/${name}`, `${made}/${name}`)) !== hash)
      throw new Error(`${from}/${name} changed while it was copied`);
  }
  // what an interrupted install put aside is older than what it put there
  if ((await lookAt(path, 0)).kind === "folder") {
    if ((await lookAt(former, 0)).kind === "folder") await removeTree(path);
    else await renameDurable(path, former);
  }
  world.before("the programs get their place");
  await renameDurable(made, path);
}

/** Whether exactly these are there. */
async function hasPrograms(path: string, hashes: Record<string, string>): Promise<boolean> {
  const found = await hashesOf(Object.keys(hashes).map((name) => `${path}/${name}`));
  return Object.values(hashes).every((hash, at) => hash === found[at]);
}

/** @returns what is so now, as a clause */
async function undo(
  world: SystemWorld,
  done: readonly Step[],
  formers: Formers,
  madeSettings: boolean,
): Promise<string> {
  const left: string[] = [];
  const attempt = (what: string, act: () => Promise<unknown>) =>
    act().catch((error: unknown) => void left.push(`${what} (${toBangerError(error).message})`));
  const hadUnits = units.some((name) => formers[world.paths.unit(name)]?.kind === "file");
  if (done.some(({ kind }) => kind === "start")) await attempt("stop the services", () => stopUnits(world, units));
  for (const step of done.toReversed())
    if (step.kind !== "start") await attempt(step.path, () => putBack(step, formers[step.path] ?? { kind: "nothing" }));
  if (done.some(({ kind }) => kind === "start"))
    await attempt("start the former services", async () => {
      if (hadUnits) await startUnits(world, units);
      else await world.exec(["systemctl", "daemon-reload"]);
    });
  if (left.length > 0)
    return `this could not be undone: ${left.join(", ")}; \`sudo banger system install\` again repairs it`;
  await removePlaced(world.paths.installJournal);
  if (madeSettings) await removeIfEmpty(world.paths.settings);
  return "everything was undone";
}

async function putBack(step: Exclude<Step, { kind: "start" }>, former: Found): Promise<void> {
  const { path } = step;
  if (step.kind === "programs") return putProgramsBack(path, former);
  if (step.kind === "folder") return void (former.kind === "nothing" && (await removeIfEmpty(path)));
  if (former.kind === "link") return placeLink(former.target, path);
  if (former.kind === "file") return writeAtomic(path, former.text, former.mode);
  return removePlaced(path);
}

async function putProgramsBack(path: string, before: Found): Promise<void> {
  const { made, former } = besides(path);
  await removeTree(made);
  if ((await lookAt(former, 0)).kind === "folder") {
    await removeTree(path);
    await renameDurable(former, path);
  } else if (before.kind === "nothing") await removeTree(path);
}

/** Removes what interrupted installs left and versions that no link leads to. */
async function tidy({ paths }: SystemWorld): Promise<void> {
  const kept = ["current", "previous"];
  for (const name of ["current", "previous"]) {
    const found = await lookAt(`${paths.programs}/${name}`, 0);
    if (found.kind === "link") kept.push(found.target);
  }
  for (const name of await listFolder(paths.programs))
    if (!kept.includes(name)) await removeTree(`${paths.programs}/${name}`);
}
