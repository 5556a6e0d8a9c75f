/** Decides which daemon a command uses: one that `BANGER_SOCKET` names, the system service, or the user's own. Pure. */
import { fail } from "../base/errors/error.ts";
import type { InstallMetadata, Owner } from "../model/install.ts";

export type PlaceFacts = {
  uid: number;
  /** `BANGER_SOCKET`; empty counts as unset */
  named: string | undefined;
  /** of a valid system install; null without one */
  metadata: Pick<InstallMetadata, "owner"> | null;
  /** the service's socket */
  systemSocket: string;
};

export type Place =
  /** the user's own daemon, started when needed */
  | { kind: "own" }
  /** whatever listens at the socket that `BANGER_SOCKET` names */
  | { kind: "named"; socket: string }
  /** the service; systemd starts it, and nothing else does */
  | { kind: "system"; socket: string; owner: Owner };

/**
 * The service serves its owner, and root. Everybody else has a daemon of their own.
 * @throws SYSTEM_NOT_YOURS when another user names the service's socket
 */
export function chooseDaemon({ uid, named, metadata, systemSocket }: PlaceFacts): Place {
  const isServed = metadata !== null && (uid === metadata.owner.uid || uid === 0);
  const isSystem = named === systemSocket;
  if (named && isSystem && metadata && !isServed)
    throw fail("SYSTEM_NOT_YOURS", { owner: metadata.owner.name, socket: systemSocket });
  if (isServed && (!named || isSystem)) return { kind: "system", socket: systemSocket, owner: metadata.owner };
  return named ? { kind: "named", socket: named } : { kind: "own" };
}
