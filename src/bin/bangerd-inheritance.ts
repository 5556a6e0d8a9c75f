/** What every guest of this host gets: the user's key, and, unless the config forbids it, proxy, registries and certificates. */
import { planProxy } from "../config/proxy.ts";
import { readProxyFacts } from "../config/proxy-facts.ts";
import { planRegistries } from "../config/registries.ts";
import { readRegistryFacts } from "../config/registry-facts.ts";
import type { GuestInheritance } from "../machines/guest/host.ts";
import type { Paths } from "../model/paths.ts";
import { ensureUserKey } from "../ssh/keys.ts";

export type InheritanceFacts = { paths: Paths; env: Record<string, string>; inheritProxy: boolean };

export async function guestInheritance({ paths, env, inheritProxy }: InheritanceFacts): Promise<GuestInheritance> {
  const { publicLine } = await ensureUserKey({}, paths);
  const authorizedKeys = [publicLine];
  if (!inheritProxy) return { authorizedKeys, environment: {}, caCertificates: [], notes: [] };
  const { environment, caCertificates, notes } = planProxy(readProxyFacts(env));
  const registries = planRegistries(readRegistryFacts(env));
  return {
    authorizedKeys,
    environment: { ...registries.environment, ...environment },
    caCertificates,
    notes: [...notes, ...registries.notes],
  };
}
