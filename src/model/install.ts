/**
 * What is known of the system service: `/etc/banger/install.json`, written by `banger system install`. Pure, and without a schema library:
 * every command and the root helper read it.
 */
import { integerOf, parsedJson, recordOf } from "../base/untrusted-json.ts";

/** the one user whose VMs the service runs */
export type Owner = { name: string; uid: number /** primary group */; gid: number };

export type InstallMetadata = {
  owner: Owner;
  version: string;
  /** the interface that the service's VMs are attached to */
  bridge: string;
  /** sha256 in hex of each program, by its name: `banger`, `bangerd`, `banger-vsock-agent` */
  files: Record<string, string>;
};

/** bytes */
export const maxMetadata = 64 * 1024;

const schema = 1;

export function formatMetadata(metadata: InstallMetadata): string {
  return `${JSON.stringify({ schema, ...metadata }, null, 2)}\n`;
}

/** Every field must be there and valid, and there may be no other: a file that was cut short or edited is not believed in part. */
export function parseMetadata(text: string): InstallMetadata | { problem: string } {
  const found = recordOf(parsedJson(text));
  if (!found) return { problem: "it is not a JSON object" };
  if (found["schema"] !== schema) return { problem: `its schema is not ${schema}` };
  const unknown = Object.keys(found).find((key) => !["schema", "owner", "version", "bridge", "files"].includes(key));
  if (unknown !== undefined) return { problem: `it has the unknown key ${JSON.stringify(unknown.slice(0, 80))}` };
  const owner = ownerOf(found["owner"]);
  const version = matching(found["version"], versionPattern);
  const bridge = matching(found["bridge"], /^[a-z][a-z0-9-]{0,14}$/);
  const files = filesOf(found["files"]);
  if (!owner) return { problem: "its owner is not valid" };
  if (version === null) return { problem: "its version is not valid" };
  if (bridge === null) return { problem: "its bridge is not valid" };
  if (!files) return { problem: "its files are not valid" };
  return { owner, version, bridge, files };
}

/** A version is the name of a folder, too. */
export const versionPattern = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,60})?$/;

/** As useradd(8) takes them, and the dots and capitals that directories such as LDAP allow; safe in a unit's `User=`. */
export const userPattern = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;

/** Root owns no service: its VMMs would run as root. */
function ownerOf(value: unknown): Owner | null {
  const found = recordOf(value);
  const name = matching(found?.["name"], userPattern);
  const uid = integerOf(found?.["uid"], 1, maxId);
  const gid = integerOf(found?.["gid"], 0, maxId);
  return name === null || uid === null || gid === null || Object.keys(found ?? {}).length !== 3
    ? null
    : { name, uid, gid };
}

/** 2^32 - 1 stands for "no user": chown(2) */
const maxId = 2 ** 32 - 2;

function filesOf(value: unknown): Record<string, string> | null {
  const entries = Object.entries(recordOf(value) ?? {});
  if (entries.length === 0 || entries.length > 16) return null;
  const isValid = ([name, hash]: [string, unknown]) =>
    /^[a-z][a-z-]{0,63}$/.test(name) && matching(hash, /^[0-9a-f]{64}$/) !== null;
  return entries.every(isValid) ? (Object.fromEntries(entries) as Record<string, string>) : null;
}

function matching(value: unknown, pattern: RegExp): string | null {
  return typeof value === "string" && pattern.test(value) ? value : null;
}
