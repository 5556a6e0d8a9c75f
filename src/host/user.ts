/**
 * This process's user. The runtime's own function believes HOME and USER, which are whatever the start of the process left there
 * (`su` without `-`, `sudo -E`), or nothing at all (services).
 */
import { readFileSync } from "node:fs";

export type PasswdEntry = { name: string; home: string };

/** A line of passwd(5). */
export function passwdEntry(passwd: string, uid: number): PasswdEntry | null {
  for (const line of passwd.split("\n")) {
    const [name = "", , id, , , home = ""] = line.split(":");
    if (id === String(uid)) return { name, home };
  }
  return null;
}

/** Null for a user of another database (nsswitch.conf(5)), and where there is none. */
export function passwdOf(uid: number): PasswdEntry | null {
  try {
    return passwdEntry(readFileSync("/etc/passwd", "utf8"), uid);
  } catch {
    return null;
  }
}

/** This process's uid. */
export function ownUid(): number {
  return process.getuid?.() ?? -1;
}

/** The user's name; USER for one of another database, and the number where that is not set either. */
export function userName(uid = ownUid(), env = process.env): string {
  return passwdOf(uid)?.name || env["USER"] || String(uid);
}
