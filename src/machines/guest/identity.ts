/** What a guest gets to know about itself before its programs run. */
import type { VmId } from "../../base/names.ts";
import { redactText } from "../../base/text.ts";
import type { ImageConfig } from "../../model/artifact.ts";
import { hostAddress } from "../../model/host-ports.ts";
import type { GuestNetwork } from "../../model/network.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { VmIdentity } from "../../store/identities.ts";
import type { IdentityRequest } from "../../wire/agent/types.ts";
import type { GuestContext, GuestDeps } from "./context.ts";
import type { GuestInheritance } from "./host.ts";

/** The lasting part, made once per VM. */
export async function makeIdentity(deps: Pick<GuestDeps, "randomBytes" | "makeHostKey">): Promise<VmIdentity> {
  const machineId = Buffer.from(deps.randomBytes(16)).toString("hex");
  return { machineId, sshHostKeys: [await deps.makeHostKey()], network: null };
}

/** A proxy with a password is sent to VMs only, never to a template. */
function withoutSecrets(environment: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => redactText(value) === value));
}

/** The image's variables override the host's; for a proxy variable, in upper and lower case. */
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
    ...(vm.spec.allowHost ? { hostAddress } : {}),
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
 * The identity of a template's guest, until a VM's own replaces it: it has no secret and nothing of a user's, and every generation
 * is higher than its. A VM rewrites only what differs, so it fills each file, and has what the host passes on to every guest.
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
 * Sent to a warm guest, with the generation that it has already: it stays the same machine, and its VM's own identity
 * replaces all of this. The machine-id is left out: journald names its folder by it.
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
 * @param sameMachine the guest was this VM's when it was saved, and continues its boot
 */
export async function composeIdentity(
  ctx: GuestContext,
  vm: VmRecord,
  inherited: GuestInheritance,
  sameMachine = false,
): Promise<IdentityRequest> {
  const kept = await keptIdentity(ctx, vm.id);
  ctx.store.identities.addCertificates(vm.id, inherited.caCertificates);
  const fresh = { nowMs: ctx.clock.now(), entropy: ctx.randomBytes(256) };
  const { config = null } = ctx.store.images.byDigest(vm.spec.image.digest) ?? {};
  const request = identityRequest(vm, kept, inherited, fresh, config);
  return sameMachine ? { ...request, keepBootId: true } : request;
}

async function keptIdentity(ctx: GuestContext, id: VmId): Promise<VmIdentity> {
  const kept = ctx.store.identities.of(id);
  if (kept) return kept;
  const made = await makeIdentity(ctx);
  ctx.store.identities.set(id, made);
  return made;
}
