/**
 * `image build FILE.toml`: starts a VM of the base, puts packages, files and steps into it, and saves it. The VM is ephemeral: it is
 * deleted when this program ends, for whatever reason.
 */
import type { CreateVm } from "../../api/types.ts";
import { fail, isError } from "../../base/errors/error.ts";
import { packageManagers } from "../../imagefile/packages.ts";
import type { BuildBase, BuildPlan } from "../../imagefile/plan.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { buildImage } from "../artifacts/obtain.ts";
import type { ArtifactSource, DaemonAccess, WorkspacePacker } from "../dependencies.ts";
import type { OnVmNotice } from "../session/notices.ts";
import { openSession } from "../session/open.ts";
import { createVm } from "../vm/create.ts";
import { removeVm } from "../vm/remove.ts";
import { putFiles } from "./files.ts";
import { type BuildVm, failedStep, runCommand, type Step, succeeds } from "./steps.ts";

type BuildNeeds = DaemonAccess & ArtifactSource & WorkspacePacker;

/** The caller of a build. */
export type Caller = { emit: Emit; onNotice: OnVmNotice; signal: AbortSignal };

/** @throws IMAGE_BUILD_FAILED, errors of creating, stopping and saving a VM, the signal's reason */
export async function buildFromPlan(needs: BuildNeeds, plan: BuildPlan, caller: Caller): Promise<ImageRecord> {
  const { emit, signal } = caller;
  const work = stepsOf(plan);
  const image = await baseImage(needs, plan.base, emit, signal);
  // an image that changes only the configuration needs no running VM
  const start = work.length > 0 ? ({ start: true, wait: "services" } as const) : {};
  const purpose = `the build of image "${plan.name}"`;
  // what listens during a build is nobody's to reach
  const request: CreateVm = { image, ...plan.vm, ...start, hold: true, forward: false, purpose };
  const made = await createVm(needs, request, emit, signal);
  const { name: vm } = made.value;
  try {
    if (work.length > 0) {
      await doSteps(needs, { vm, plan, work }, caller);
      await stop(needs, vm, plan, emit, signal);
    }
    const save = { image: plan.name, source: plan.source, ...(plan.config ? { config: plan.config } : {}) };
    return (await needs.api.work("saveVm", { name: vm, body: save }, emit, signal)).value;
  } finally {
    await removeVm(needs, emit, vm);
    made.close();
  }
}

type Work = { title: string; run(build: BuildVm, step: Step, signal: AbortSignal): Promise<void> };

/** Packages, files, then the steps in their order. */
function stepsOf(plan: BuildPlan): Work[] {
  const { packages, files, run, env } = plan;
  const install: Work = {
    title: `packages ${packages.join(" ")}`.slice(0, 100),
    run: (build, step) => installPackages(build, step, plan),
  };
  const put: Work = { title: "files", run: (build, step, signal) => putFiles(build, step, files, signal) };
  return [
    ...(packages.length > 0 ? [install] : []),
    ...(files.length > 0 ? [put] : []),
    ...run.map(({ title, argv }) => ({
      title,
      run: (build: BuildVm, step: Step) => runCommand(build, step, { argv, env }),
    })),
  ];
}

async function installPackages(build: BuildVm, step: Step, { packages, env }: BuildPlan): Promise<void> {
  for (const manager of packageManagers) {
    if (!(await succeeds(build, step, manager.probe))) continue;
    const given = { ...manager.env, ...env };
    for (const argv of manager.install(packages)) await runCommand(build, step, { argv, env: given });
    return;
  }
  const known = packageManagers.map(({ name }) => name).join(", ");
  const next = "install what is needed with `files` and `run`, or use another base";
  throw failedStep(build, step, `finds no package manager in the base (known: ${known})`, { next });
}

type Doing = { vm: string; plan: BuildPlan; work: readonly Work[] };

async function doSteps(
  needs: BuildNeeds,
  { vm, plan, work }: Doing,
  { emit, onNotice, signal }: Caller,
): Promise<void> {
  const { client } = await openSession(needs, vm, onNotice, signal);
  const drop = () => client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  try {
    const build: BuildVm = { needs, client, vm, image: plan.name, of: work.length, emit };
    for (const [at, { title, run }] of work.entries()) {
      signal.throwIfAborted();
      const step = { number: at + 1, title };
      emit({ kind: "note", level: "info", text: `step ${step.number} of ${work.length}: ${title}` });
      await run(build, step, signal);
    }
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", drop);
    client.destroy();
  }
}

/** how long a guest has to flush its disk and power off, in `ms` */
const graceMs = 120_000;

async function stop(
  needs: BuildNeeds,
  vm: string,
  { name }: BuildPlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { cut } = (await needs.api.work("stopVm", { name: vm, body: { graceMs } }, emit, signal)).value;
  if (!cut) return;
  const reason = `its VM did not power off within ${graceMs / 1000} s, so its disk can be incomplete`;
  throw fail("IMAGE_BUILD_FAILED", { name, reason });
}

/** @returns what `createVm` finds it by */
async function baseImage(needs: BuildNeeds, base: BuildBase, emit: Emit, signal: AbortSignal): Promise<string> {
  if ("image" in base) return base.image;
  const name = `debian-${base.suite}`;
  const source = await sourceOf(needs, name);
  if (source === null) await buildImage(needs, name, emit, signal);
  else if (source !== `recipe ${name}`) {
    const problem = `image "${name}" was not built by \`suite = "${base.suite}"\`: it comes from ${source}`;
    throw fail("USAGE", { problem, next: `use \`base = "${name}"\` to build on it, or delete it first` });
  }
  return name;
}

async function sourceOf(needs: BuildNeeds, name: string): Promise<string | null> {
  try {
    return (await needs.api.json("showImage", { name })).source;
  } catch (error) {
    if (isError(error, "IMAGE_NOT_FOUND")) return null;
    throw error;
  }
}
