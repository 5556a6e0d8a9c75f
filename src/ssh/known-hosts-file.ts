/** The file with the host keys of the VMs on the bridge. It is written from the database, and never read back. */
import { toBangerError } from "../base/errors/error.ts";
import { oneAtATime } from "../base/one-at-a-time.ts";
import { ensureFolder, writeAtomic } from "../host/files/files.ts";
import type { Logger } from "../host/log.ts";
import { type KnownHost, knownHostsText } from "./known-hosts.ts";

/**
 * The returned function has the file written if it would change, and resolves when it is; it never rejects: a failure is logged, and the
 * next call tries again.
 */
export function keepKnownHosts(deps: {
  path: string;
  hosts(): readonly KnownHost[];
  log: Logger;
}): () => Promise<void> {
  const { path, hosts, log } = deps;
  let written: string | null = null;
  return oneAtATime(async () => {
    try {
      const text = knownHostsText(hosts());
      if (text === written) return;
      await ensureFolder(path.slice(0, path.lastIndexOf("/")), 0o700);
      await writeAtomic(path, text, 0o644);
      written = text;
    } catch (error) {
      log.warn("the host keys of VMs could not be written", { path, why: toBangerError(error).message });
    }
  });
}
