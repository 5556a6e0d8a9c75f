/** What every guest of this host gets: the user's key, and, unless the config forbids it, proxy, registries and certificates. */
import { toBangerError } from "../base/errors/error.ts";
import { planProxy } from "../config/proxy.ts";
import { readProxyFacts } from "../config/proxy-facts.ts";
import { planRegistries } from "../config/registries.ts";
import { readRegistryFacts } from "../config/registry-facts.ts";
import type { GuestInheritance } from "../machines/guest/host.ts";
import type { Paths } from "../model/paths.ts";
import { publicHalf, readPublicHalf } from "../ssh/key-file.ts";
import { ensureUserKey } from "../ssh/keys.ts";

export type InheritanceFacts = {
  paths: Paths;
  env: Record<string, string>;
  inheritProxy: boolean;
  /** absolute path of the user's own key, or of its public half; null: none */
  sshKey: string | null;
};

export async function guestInheritance({
  paths,
  env,
  inheritProxy,
  sshKey,
}: InheritanceFacts): Promise<GuestInheritance> {
  const { publicLine } = await ensureUserKey({}, paths);
  const own = await ownKey(sshKey);
  const authorizedKeys = [publicLine, ...own.lines];
  if (!inheritProxy) return { authorizedKeys, environment: {}, caCertificates: [], notes: own.notes };
  const { environment, caCertificates, notes } = planProxy(readProxyFacts(env));
  const registries = planRegistries(readRegistryFacts(env));
  return {
    authorizedKeys,
    environment: { ...registries.environment, ...environment },
    caCertificates,
    notes: [...own.notes, ...notes, ...registries.notes],
  };
}

/** For the guest's own sshd, on the bridge. A key that can't be read does not keep a VM from starting. */
async function ownKey(path: string | null): Promise<{ lines: string[]; notes: string[] }> {
  if (path === null) return { lines: [], notes: [] };
  try {
    return { lines: [(await readPublicHalf(publicHalf(path))).line], notes: [] };
  } catch (error) {
    return { lines: [], notes: [`the key of ssh_key_path is not passed on: ${toBangerError(error).message}`] };
  }
}
