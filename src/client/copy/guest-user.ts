/** The user of a guest that a copy is made for: relative paths start from that user's home, and what goes in is theirs. */
import { fail, isError } from "../../base/errors/error.ts";
import { trimEndOf } from "../../base/trim.ts";
import { homeOf, type Ids, idsOf } from "../../imagefile/accounts.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { readAccounts } from "../accounts.ts";
import type { DaemonAccess } from "../dependencies.ts";

export type GuestUser = Ids & { /** absolute */ home: string };

const root: GuestUser = { uid: 0, gid: 0, home: "/root" };

/** `wanted`, else the user that the VM's image names, else root. An image that was removed names none. */
export async function userNameOf(
  { api }: Pick<DaemonAccess, "api">,
  vm: string,
  wanted: string | undefined,
): Promise<string> {
  if (wanted !== undefined) return wanted;
  const { spec } = await api.json("showVm", { name: vm });
  try {
    const { config } = await api.json("showImage", { name: spec.image.digest });
    return config.user || "root";
  } catch (error) {
    if (isError(error, "IMAGE_NOT_FOUND")) return "root";
    throw error;
  }
}

/** @param user `name` or `uid`, with an optional `:group` @throws USAGE when the guest has no such user, SESSION_LOST */
export async function guestUser(client: AgentClient, user: string, signal: AbortSignal): Promise<GuestUser> {
  const accounts = await readAccounts(client, signal);
  const [name = ""] = user.split(":");
  const home = homeOf(name || "root", accounts.passwd);
  if (user === "root") return { ...root, home: home ?? root.home };
  const ids = idsOf(name === "" ? `root${user}` : user, accounts.passwd, accounts.group);
  if (typeof ids !== "string") return { ...ids, home: home ?? "/" };
  throw fail("USAGE", {
    problem: `no ${ids} in the VM`,
    next: "name another one with --user, such as `--user root`",
  });
}

/** @param path as it was typed @returns an absolute path that ends as `path` does */
export function guestPath({ home }: GuestUser, path: string): string {
  if (path.startsWith("/")) return path;
  return `${trimEndOf(home, "/")}/${path}`;
}
