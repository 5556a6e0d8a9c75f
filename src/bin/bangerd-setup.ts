/** What differs between a user's own daemon and the system service: folders, log, and who started it. */
import { fail } from "../base/errors/error.ts";
import { ownFolders } from "../host/files/own-folders.ts";
import { ownedBy, ownUid, placeProblem } from "../host/files/owner.ts";
import { giveUpInheritable } from "../host/libc.ts";
import { createLogger, journalLogger, type Logger } from "../host/log.ts";
import { type Cgroup, takeCgroup } from "../host/process/cgroup.ts";
import { type Notify, takeNotify } from "../host/process/notify.ts";
import { passwdOf } from "../host/user.ts";
import type { InstallMetadata } from "../model/install.ts";
import { type Paths, pathsOf, systemPaths, systemRoots } from "../model/paths.ts";
import { requireInstall } from "../system/metadata.ts";

type Env = Record<string, string | undefined>;

export type DaemonSetup = {
  paths: Paths;
  /** to be called once the state folder is the daemon's own */
  openLog(): Logger;
  notify: Notify;
  /** null for a user's own daemon */
  service: { cgroup: Cgroup } | null;
};

export function ownSetup(env: Env): DaemonSetup {
  const paths = pathsOf(ownFolders(env).roots);
  return { paths, openLog: () => createLogger(paths.daemonLog), notify: () => {}, service: null };
}

/**
 * The service as its unit starts it. From here on no child has its capability.
 * @throws SYSTEM_NOT_INSTALLED, SYSTEM_METADATA_INVALID, FOLDER_UNSAFE for a home that is not the owner's
 */
export function serviceSetup(env: Env): DaemonSetup {
  const notify = takeNotify(env);
  if (!giveUpInheritable()) throw new Error("the kernel does not take back inheritable capabilities");
  requireMetadata(systemPaths().metadata, ownUid());
  const home = requireHome(passwdOf(ownUid())?.home ?? env["HOME"] ?? "", ownUid());
  const openLog = () => journalLogger((line) => void process.stderr.write(line));
  const cgroup = takeCgroup(process.pid);
  return { paths: pathsOf(systemRoots(home)), openLog, notify, service: { cgroup } };
}

/** @param uid of the service's process @param root who may own the file; for tests */
export function requireMetadata(path: string, uid: number, root = 0): InstallMetadata {
  const metadata = requireInstall(path, root);
  const { owner } = metadata;
  if (owner.uid === uid) return metadata;
  const problem = `its owner is ${owner.name} (uid ${owner.uid}), and the service runs as uid ${uid}`;
  throw fail("SYSTEM_METADATA_INVALID", { path, problem });
}

/**
 * The folder that the configuration is read in. One that is missing, such as an encrypted home before its owner's login, has none.
 * @throws FOLDER_UNSAFE for one that was replaced, by a symbolic link or otherwise
 */
export function requireHome(path: string, uid: number): string {
  if (!path.startsWith("/")) throw fail("HOME_INVALID", { home: path });
  const found = ownedBy(path);
  const problem = found && placeProblem(found, uid);
  if (!problem) return path;
  throw fail("FOLDER_UNSAFE", {
    path,
    problem: `it ${problem}`,
    next: "the service reads its owner's configuration there: give the home back to its owner",
  });
}
