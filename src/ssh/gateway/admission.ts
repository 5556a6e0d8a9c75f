/** Who may log in: the holder of one of the user's keys, and nobody by any other way. Pure. */

/** tries before the connection ends, as sshd's MaxAuthTries */
export const maxTries = 6;

export type Attempt =
  /** the client asks whether it may use a key, and has not signed yet */
  | { method: "publickey"; key: Uint8Array; isSigned: false }
  | { method: "publickey"; key: Uint8Array; isSigned: true; verify(): boolean }
  | { method: "other" };

/** @param accepted public keys in the form of RFC 4253, 6.6 */
export function admits(attempt: Attempt, accepted: readonly Uint8Array[]): boolean {
  if (attempt.method === "other") return false;
  if (!accepted.some((key) => Buffer.compare(key, attempt.key) === 0)) return false;
  return !attempt.isSigned || attempt.verify();
}
