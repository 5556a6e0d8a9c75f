/** Resolves users and groups by name in a guest's own files, which are untrusted. Pure. */
import { tarEvents } from "../formats/tar/events.ts";

const maxBytes = 1024 * 1024;
/** One file with headers and padding; a folder sent in its place can have some entries. */
const limits = { entries: 1000, bytes: 4 * maxBytes };

/** The single file in a tar stream, as `get` sends it; null if it is over 1 MiB or not a file. @throws TarError */
export async function textOfTar(tar: AsyncIterable<Uint8Array>): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let isFile = false;
  for await (const event of tarEvents(tar, limits)) {
    if (event.kind === "entry") isFile = event.entry.kind === "file";
    if (event.kind !== "data" || !isFile) continue;
    bytes += event.chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(event.chunk.slice());
  }
  return isFile ? Buffer.concat(chunks).toString("latin1") : null;
}

export type Ids = { uid: number; gid: number };

/**
 * @param owner `user` or `user:group`; without a group it is the user's own, or the one with the user's number
 * @returns the numbers, or what is missing, as in "no …"
 */
export function idsOf(owner: string, passwd: string, group: string): Ids | string {
  const [user = "", wantedGroup] = owner.split(":");
  const entry = rowOf(passwd, user);
  const uid = entry ? numberOf(entry[2]) : (numberOf(user) ?? (user === "root" ? 0 : null));
  if (uid === null) return `user is named "${user}"`;
  if (wantedGroup === undefined) return { uid, gid: (entry && numberOf(entry[3])) ?? uid };
  const groupEntry = rowOf(group, wantedGroup);
  const gid = groupEntry ? numberOf(groupEntry[2]) : (numberOf(wantedGroup) ?? (wantedGroup === "root" ? 0 : null));
  return gid === null ? `group is named "${wantedGroup}"` : { uid, gid };
}

/** True if resolving the owner needs the guest's files. */
export function needsNames(owner: string): boolean {
  return owner.split(":").some((part) => part !== "root" && numberOf(part) === null);
}

/** The home folder of a user by name or number; null: the guest's files name none that is absolute. */
export function homeOf(user: string, passwd: string): string | null {
  const rows = passwd.split("\n").map((line) => line.split(":"));
  const row = rows.find((fields) => fields[0] === user) ?? rows.find((fields) => fields[2] === user);
  const home = row?.[5] ?? "";
  return home.startsWith("/") && !home.includes("\0") ? home : null;
}

function rowOf(text: string, name: string): string[] | undefined {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields.length >= 3 && fields[0] === name);
}

function numberOf(text: string | undefined): number | null {
  const value = /^\d{1,10}$/.test(text ?? "") ? Number(text) : Number.NaN;
  return value < 0xffffffff ? value : null;
}
