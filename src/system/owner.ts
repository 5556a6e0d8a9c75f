/** Who owns the service: decided from the command line, sudo(8), and what is installed. Pure. */
import { type BangerError, fail } from "../base/errors/error.ts";
import { type Owner, userPattern } from "../model/install.ts";
import { isUnitPath } from "./units.ts";

export type User = Owner & { home: string };

export type OwnerFacts = {
  /** of `--owner` */
  asked: string | undefined;
  sudoUser: string | undefined;
  /** of valid metadata */
  installed: Pick<Owner, "name" | "uid"> | null;
  /** who owns `/var/lib/banger`, with VMs perhaps of an install that was removed; null without it, and for root */
  stateOwner: Pick<Owner, "name" | "uid"> | null;
};

/** An upgrade keeps its owner, whoever runs it. @throws SYSTEM_OWNER_INVALID */
export function ownerName({ asked, sudoUser, installed }: OwnerFacts): string {
  const name = asked ?? installed?.name ?? (sudoUser === "root" ? undefined : sudoUser);
  if (name) return name;
  throw invalid("no user is given, and SUDO_USER does not name one");
}

/** A line of getent(1) `passwd`; null when there is no such user. */
export function parseUser(line: string): User | null {
  const [name = "", , uid, gid, , home = ""] = line.trim().split("\n")[0]?.split(":") ?? [];
  const ids = [Number(uid || Number.NaN), Number(gid || Number.NaN)];
  return name !== "" && ids.every(Number.isSafeInteger) ? { name, uid: ids[0] ?? 0, gid: ids[1] ?? 0, home } : null;
}

/**
 * @param user null: the system knows no such user
 * @throws SYSTEM_OWNER_INVALID, SYSTEM_OWNED for a second owner
 */
export function requireOwner(name: string, user: User | null, facts: OwnerFacts): User {
  const { installed, stateOwner } = facts;
  if (!user) throw invalid(`there is no user ${name}`);
  if (user.uid === 0) throw invalid("it can't be root, as VMMs would run as root");
  if (!userPattern.test(user.name)) throw invalid(`a unit can't name the user ${user.name}`);
  if (!isUnitPath(user.home)) throw invalid(`a unit can't name the home of ${user.name}, ${user.home}`);
  const other = [installed, stateOwner].find((one) => one && one.uid !== user.uid);
  if (other) throw fail("SYSTEM_OWNED", { owner: other.name, wanted: user.name });
  return user;
}

function invalid(problem: string): BangerError {
  return fail("SYSTEM_OWNER_INVALID", { problem });
}
