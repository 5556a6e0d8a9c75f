/** What installing and removing need from the host. */
import type { Exec } from "../host/process/exec.ts";
import type { Owner } from "../model/install.ts";
import type { Roots, SystemPaths } from "../model/paths.ts";

export type SystemWorld = {
  paths: SystemPaths;
  /** the service's folders; of its configuration nothing is used */
  data: Pick<Roots, "state" | "cache" | "runtime">;
  exec: Exec;
  /** the effective user of this process */
  uid: number;
  /** Node's name for it: `x64` */
  arch: string;
  /** systemd runs here: sd_booted(3) */
  hasSystemd: boolean;
  /** the user who ran sudo(8), if any */
  sudoUser: string | undefined;
  version: string;
  /** the folder of the programs to be installed */
  from: string;
  /** who may own what root owns; for tests */
  root: number;
  /** The version that the service's daemon answers with. @throws DAEMON_UNREACHABLE, DAEMON_UNTRUSTED */
  daemonVersion(owner: Owner): Promise<string>;
  /** Called before each change; for tests, which end the program there. */
  before(change: string): void;
};
