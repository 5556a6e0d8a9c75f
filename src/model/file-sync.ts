/** Files of the user that go into each new VM: the tables of `[[file_sync]]` in config.toml. Pure. */

export type FileSyncEntry = {
  /** path on the host of a file or a folder: `~/…`, or an absolute one, without `.` and `..` */
  host: string;
  /** path in the guest, with its last name: `~/…` or `/root/…`, without `.` and `..` */
  guest: string;
  /** permission bits of files, at most 0o777; null: by default */
  mode: number | null;
  /** no VM is made when the host has no such file */
  required: boolean;
};

export const maxFileSyncEntries = 64;

/** Of all entries together. */
export const fileSyncLimits = { entries: 20_000, bytes: 512 * 1024 ** 2 };

/** Linux's PATH_MAX, in bytes */
const maxPath = 4096;

/** Why a path can't be an entry's `host`, as a clause; null: it can. That it points inside the home is checked when it is read. */
export function hostProblem(path: string): string | null {
  if (!path.startsWith("/") && !path.startsWith("~/"))
    return 'must begin with "~/" or "/", as in `host = "~/.gitconfig"`';
  return namesProblem(path.slice(path.indexOf("/") + 1).replace(/\/$/, ""));
}

/** Why a path can't be an entry's `guest`, as a clause; null: it can. */
export function guestProblem(path: string): string | null {
  const [, below] = /^(?:~|\/root)\/(.*)$/s.exec(path) ?? [];
  if (below === undefined) return 'must begin with "~/" or "/root/", as in `guest = "~/.gitconfig"`';
  return namesProblem(below);
}

/** Why a text is not the absolute path of something below a guest's root, as a clause; null: it is. */
export function pathProblem(path: string): string | null {
  return path.startsWith("/") ? namesProblem(path.slice(1)) : "must be absolute";
}

function namesProblem(below: string): string | null {
  if (below === "") return "must name a file or a folder in it";
  const names = below.split("/");
  if (names.includes("..")) return 'must not contain ".."';
  if (names.includes(".") || names.includes("")) return 'must not contain ".", "//" or a "/" at its end';
  if ([...below].some((char) => char < " " || char === "\x7f")) return "must not contain control characters";
  return Buffer.byteLength(below) > maxPath - 256 ? "is too long" : null;
}

/** `"0600"` → 0o600; null for anything else than three or four octal digits up to 0777 with the owner's right to read. */
export function parseFileMode(text: string): number | null {
  if (!/^0?[0-7]{3}$/.test(text)) return null;
  const mode = Number.parseInt(text, 8);
  return (mode & 0o400) === 0 ? null : mode;
}

const byDefault = { file: 0o600, program: 0o700, folder: 0o700 };

/**
 * The mode of a synced file in the guest: 0600 by default, and 0700 for a program.
 * @param mode the entry's @param isProgram its owner may execute it on the host
 */
export function fileMode(mode: number | null, isProgram: boolean): number {
  return mode ?? (isProgram ? byDefault.program : byDefault.file);
}

/** The mode of a synced folder: who may read the files may enter it. @param mode the entry's */
export function folderMode(mode: number | null): number {
  return mode === null ? byDefault.folder : mode | ((mode & 0o444) >> 2) | 0o300;
}

/** Whether a VM's paths have `path` or a folder above it. All of them absolute, without `.` and `..`. */
export function isAtOrBelow(path: string, paths: Iterable<string>): boolean {
  for (const each of paths) if (path === each || path.startsWith(`${each}/`)) return true;
  return false;
}
