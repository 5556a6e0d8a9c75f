/** What a guest is told about itself before anything of it runs. */
import type { VmId } from "../../base/names.ts";
import { redactText } from "../../base/text.ts";
import type { ImageConfig } from "../../model/artifact.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { GuestNetwork, VmIdentity } from "../../store/identities.ts";
import type { IdentityRequest } from "../../wire/agent/types.ts";
import type { GuestContext, GuestDeps } from "./context.ts";
import type { GuestInheritance } from "./host.ts";

/** The lasting part, made once per VM. */
export async function makeIdentity(deps: Pick<GuestDeps, "randomBytes" | "makeHostKey">): Promise<VmIdentity> {
  const machineId = Buffer.from(deps.randomBytes(16)).toString("hex");
  return { machineId, sshHostKeys: [await deps.makeHostKey()], network: null };
}

/** A proxy with a password is told to VMs alone. */
function withoutSecrets(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => redactText(value) === value));
}

/** What the image says counts before what the host hands on; of a proxy's variable in either case. */
function imageAndHost(
  config: ImageConfig | null,
  { environment = {} }: Pick<IdentityRequest, "environment">,
): Record<string, string> {
  const own = config?.env ?? {};
  const said = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const handedOn = Object.entries(environment).filter(([name]) => !said.has(name.toLowerCase()));
  return { ...Object.fromEntries(handedOn), ...own };
}

/** Seconds with a fraction. @param nowMs Unix time in `ms` */
export function clockText(nowMs: number): string {
  const ms = Math.round(nowMs);
  return `${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}000000`;
}

/** @param nowMs Unix time in `ms`: the guest's clock is set by it @param config how the image wants to be run */
export function identityRequest(
  vm: VmRecord,
  kept: VmIdentity,
  inherited: GuestInheritance,
  fresh: { nowMs: number; entropy: Uint8Array },
  config: ImageConfig | null,
): IdentityRequest {
  const request: IdentityRequest = {
    generation: vm.generation,
    hostname: vm.name,
    machineId: kept.machineId,
    clock: clockText(fresh.nowMs),
    entropy: Buffer.from(fresh.entropy).toString("base64"),
    sshHostKeys: kept.sshHostKeys,
    authorizedKeys: inherited.authorizedKeys,
    environment: { ...imageAndHost(config, inherited), ...vm.spec.env },
    caCertificates: inherited.caCertificates,
  };
  if (config?.user || config?.workdir) {
    request.session = {
      ...(config.user ? { user: config.user } : {}),
      ...(config.workdir ? { workdir: config.workdir } : {}),
    };
  }
  return kept.network ? { ...request, network: kept.network } : request;
}

/**
 * Of a template's guest, until a VM's own takes its place: no secret is in it, and nothing of a user's. Any generation
 * follows its. What is the same in a VM's identity need not be written anew there, so there is something in each file, and what
 * the host hands on to every guest.
 */
export async function throwAwayIdentity(
  deps: Pick<GuestDeps, "randomBytes" | "clock" | "makeHostKey">,
  hostname: string,
  network: GuestNetwork | null,
  inherited: GuestInheritance,
): Promise<IdentityRequest> {
  return {
    generation: 0,
    hostname,
    machineId: Buffer.from(deps.randomBytes(16)).toString("hex"),
    clock: clockText(deps.clock.now()),
    entropy: Buffer.from(deps.randomBytes(256)).toString("base64"),
    sshHostKeys: [await deps.makeHostKey()],
    authorizedKeys: [],
    environment: withoutSecrets(inherited.environment),
    caCertificates: inherited.caCertificates,
    ...(network ? { network } : {}),
    template: true,
  };
}

/**
 * Told to a warm guest, of the generation that it has already: it stays the machine that it is, and all of this is
 * said anew by its VM's own identity. Left out is the machine-id, as journald files by that.
 */
export async function rehearsedIdentity(
  deps: Pick<GuestDeps, "randomBytes" | "clock" | "makeHostKey" | "inheritance">,
  known: { generation: number; network: GuestNetwork | null; config: ImageConfig | null },
): Promise<IdentityRequest> {
  const inherited = await deps.inheritance();
  const { machineId: _, template: __, ...said } = await throwAwayIdentity(deps, "warm", known.network, inherited);
  return { ...said, generation: known.generation, environment: imageAndHost(known.config, said) };
}

/**
 * Gathers everything for `identityRequest`; a VM without a kept identity gets one now.
 * @param goesOn the guest was this VM's when it was saved: its boot is the same
 */
export async function composeIdentity(
  ctx: GuestContext,
  vm: VmRecord,
  inherited: GuestInheritance,
  goesOn = false,
): Promise<IdentityRequest> {
  const kept = await keptIdentity(ctx, vm.id);
  ctx.store.identities.addCertificates(vm.id, inherited.caCertificates);
  const fresh = { nowMs: ctx.clock.now(), entropy: ctx.randomBytes(256) };
  const { config = null } = ctx.store.images.byDigest(vm.spec.image.digest) ?? {};
  const request = identityRequest(vm, kept, inherited, fresh, config);
  return goesOn ? { ...request, keepBootId: true } : request;
}

async function keptIdentity(ctx: GuestContext, id: VmId): Promise<VmIdentity> {
  const kept = ctx.store.identities.of(id);
  if (kept) return kept;
  const made = await makeIdentity(ctx);
  ctx.store.identities.set(id, made);
  return made;
}
