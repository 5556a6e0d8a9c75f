/**
 * Which VMM a new VM gets: the one that was asked for, or the best that can run it. It is decided once, since a VM keeps its
 * driver.
 */
import { type BangerError, fail, toBangerError } from "../../base/errors/error.ts";
import type { KernelRecord } from "../../model/artifact.ts";
import type { NetworkSpec } from "../../model/network.ts";
import type { VmmSpec } from "../../model/vmm.ts";
import type { DriverFeatures, VmmDriver } from "../../vmm/driver.ts";
import type { GuestContext } from "./context.ts";
import { networkKind } from "./network.ts";
import { type UsableProbe, unusable } from "./usable-vmm.ts";

type Ctx = Pick<GuestContext, "drivers" | "network" | "vmmChoice" | "files" | "paths">;

export type VmmNeeds = {
  vcpu: number;
  /** that it boots with; 0: not known yet */
  disks: number;
  network: NetworkSpec;
  /** its guest runs VMs of its own */
  nested: boolean;
  /** null: not known yet */
  kernel: Pick<KernelRecord, "name" | "digest"> | null;
};

export type ChosenVmm = { vmm: VmmSpec; probe: UsableProbe };

/** Disks that a VM may get later, as a workspace and a cache. */
export const spareDisks = 2;

/**
 * @param asked what the request names; undefined: the config decides
 * @throws VMM_NOT_FOUND, VMM_UNFIT, NESTED_UNAVAILABLE when the driver that is named, or every driver, can't run it
 */
export async function chooseVmm(ctx: Ctx, asked: string | undefined, needs: VmmNeeds): Promise<ChosenVmm> {
  const { choice, why } = await ctx.vmmChoice(asked);
  if (choice === "auto") return chooseBest(ctx, needs);
  const { candidate, failure } = await judge(ctx, ctx.drivers.named(choice), needs);
  if (!candidate) throw failure;
  return { vmm: { driver: choice, why }, probe: candidate.probe };
}

/** One that lacks something which the VM can do without is taken if no other is better. */
async function chooseBest(ctx: Ctx, needs: VmmNeeds): Promise<ChosenVmm> {
  let partial: Candidate | null = null;
  const passedOver: string[] = [];
  const failures: BangerError[] = [];
  for (const driver of ctx.drivers.all) {
    const { candidate, failure } = await judge(ctx, driver, needs);
    if (candidate && candidate.lacks === null) return chosen(candidate, passedOver.join("; ") || "preferred");
    if (failure) failures.push(failure);
    partial ??= candidate;
    passedOver.push(failure?.message ?? candidate?.lacks ?? "");
  }
  if (partial) return chosen(partial, partial.lacks ?? "");
  throw joined(failures);
}

function chosen({ probe }: Candidate, why: string): ChosenVmm {
  return { vmm: { driver: probe.driver, why }, probe };
}

type Candidate = {
  probe: UsableProbe;
  /** what it can't do, which its VM can do without, as a clause; null: nothing */
  lacks: string | null;
};
type Judged = { candidate: Candidate; failure: null } | { candidate: null; failure: BangerError };

async function judge(ctx: Ctx, driver: VmmDriver, needs: VmmNeeds): Promise<Judged> {
  const probe = await driver.probe();
  if (!probe.usable) return { candidate: null, failure: unusable(driver.name, probe) };
  if (needs.nested && !probe.features.nested)
    return { candidate: null, failure: fail("NESTED_UNAVAILABLE", { driver: driver.name, accel: probe.accel }) };
  const unfit = exceeded(probe.features, needs) ?? (await kernelProblem(ctx, probe.features, needs));
  if (unfit) return { candidate: null, failure: fail("VMM_UNFIT", { driver: driver.name, ...unfit }) };
  return { candidate: { probe, lacks: await lackOf(ctx, probe, needs) }, failure: null };
}

type Unfit = { problem: string /** what would make it fit */; next: string };

function exceeded(features: DriverFeatures, { disks, vcpu, network }: VmmNeeds): Unfit | null {
  const { maxVcpu, tapTakesDisk } = features;
  const maxDisks = features.maxDisks - (tapTakesDisk && network.kind === "bridge" ? 1 : 0);
  if (vcpu > maxVcpu)
    return { problem: `it takes at most ${maxVcpu} CPUs, and this one has ${vcpu}`, next: "ask for fewer with --vcpu" };
  const needed = disks + spareDisks;
  if (needed <= maxDisks) return null;
  const problem = `it takes at most ${maxDisks} disks, and this one needs ${needed} (${spareDisks} of them kept free)`;
  return { problem, next: "delete its image and pull, build or import it again: it has fewer layers then" };
}

async function kernelProblem(
  { files, paths }: Ctx,
  { vsock }: DriverFeatures,
  { kernel }: VmmNeeds,
): Promise<Unfit | null> {
  if (!vsock || kernel === null) return null;
  const [stamp] = await files.changeStamps([paths.kernel(kernel.digest).vsockModules]);
  if (stamp != null) return null;
  const { name } = kernel;
  const problem = `an earlier banger stored the kernel ${name} without the modules for a vsock; \`banger kernel pull ${name}\` gets them`;
  return {
    problem,
    next: `run \`banger kernel pull ${name}\`, or import it again under the same name if it is your own`,
  };
}

async function lackOf(ctx: Ctx, probe: UsableProbe, { network }: VmmNeeds): Promise<string | null> {
  const { driver, version, features } = probe;
  if (!features.snapshots) return `${driver} ${version} can't save VMs`;
  return networkKind(ctx, { network }, probe).then(
    () => null,
    (error: unknown) => `${driver}: ${toBangerError(error).message}`,
  );
}

/** The last driver is the one that is easiest to get; if it is there, what it lacks is what counts. */
function joined(failures: readonly BangerError[]): BangerError {
  const last = failures.at(-1) as BangerError;
  if (last.code !== "VMM_NOT_FOUND") return last;
  const reason = failures.map(({ message }) => message).join("; ");
  return fail("VMM_NOT_FOUND", { program: "a VMM", install: last.hint, reason });
}
