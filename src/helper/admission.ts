/** Who may speak to the helper: the main process of the owner's daemon, and nobody else; not its children, which may have been taken over. */
import type { Exec } from "../host/process/exec.ts";
import { attempt } from "./tools.ts";

/** the process at the other end of a connection, as the kernel tells it: unix(7), SO_PEERCRED */
export type Caller = { pid: number; uid: number };

export type AdmissionDeps = {
  exec: Exec;
  /** the unit whose main process it is */
  unit: string;
  owner: number;
};

/**
 * Why that process is refused; null: it is admitted. Its pid was its own when it connected, and systemd names a main process only while it runs;
 * so a pid that is used again does not pass.
 */
export async function refusalOf({ exec, unit, owner }: AdmissionDeps, { pid, uid }: Caller): Promise<string | null> {
  if (uid !== owner) return `its uid is ${uid}, not the owner's`;
  if (pid <= 0) return "its process is in another pid namespace";
  const asked = await attempt(exec, ["systemctl", "show", "--property=MainPID", "--value", unit]).catch(() => null);
  const main = asked?.exitCode === 0 ? asked.output.trim() : "";
  // `0`: the unit does not run
  if (!/^[1-9]\d*$/.test(main)) return `systemd names no main process of ${unit}`;
  return main === String(pid) ? null : `it is not the main process of ${unit}`;
}
