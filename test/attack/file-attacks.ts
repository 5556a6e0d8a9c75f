/** A process that was taken over and wants to read files outside its cage, or change their content or metadata. */
import type { Attack } from "./report.ts";
import { refused, type Scene } from "./scene.ts";
import { buffer, type Call } from "./taken-over.ts";

const cwd = -100;
/** a file of the user's that is open in the VMM: its standard output is a log */
const log = 1;

const [readOnly, writeOnly, create, truncate, append] = [0, 1, 0o100, 0o1000, 0o2000];
/** two struct timespec: 1970, for both times */
const past = Buffer.alloc(32);
/** struct xattr_args, struct file_attr: large enough for either, all zero but what a call reads first */
const blank = Buffer.alloc(64);

export function fileAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "opens files outside its cage", ({ secret, home, victim }) => [
      ["openat", cwd, secret, readOnly, 0],
      ["openat", cwd, secret, writeOnly | append, 0],
      ["openat", cwd, `${home}/new`, create | writeOnly, 0o600],
      ["open", "/etc/passwd", readOnly, 0],
      ["openat2", cwd, secret, Buffer.alloc(24), 24],
      ["openat", cwd, `/proc/${victim}/mem`, 2, 0],
      ["openat", cwd, `/proc/${victim}/environ`, readOnly, 0],
      ["openat", cwd, "/proc/self/mem", 2, 0],
      ["openat", cwd, "/dev/pts/ptmx", 2, 0],
      ["name_to_handle_at", cwd, secret, buffer, buffer, 0],
      ["open_by_handle_at", cwd, buffer, readOnly],
    ]),
    refused(scene, "changes modes", ({ secret, directory }) => [
      ["chmod", secret, 0o644],
      ["fchmodat", cwd, secret, 0o644],
      ["fchmodat2", cwd, secret, 0o644, 0],
      ["chmod", directory, 0o777],
      ["fchmod", log, 0o644],
    ]),
    refused(scene, "changes owners", ({ secret }) => [
      ["chown", secret, -1, process.getgid?.() ?? 0],
      ["lchown", secret, -1, process.getgid?.() ?? 0],
      ["fchownat", cwd, secret, -1, process.getgid?.() ?? 0, 0],
      ["fchown", log, -1, -1],
    ]),
    refused(scene, "changes extended attributes", ({ secret }) => [
      ["setxattr", secret, "user.x", "x", 1, 0],
      ["lsetxattr", secret, "user.x", "x", 1, 0],
      ["fsetxattr", log, "user.x", "x", 1, 0],
      ["setxattrat", cwd, secret, 0, "user.x", blank, 16],
      ["removexattr", secret, "user.x"],
      ["lremovexattr", secret, "user.x"],
      ["fremovexattr", log, "user.x"],
      ["removexattrat", cwd, secret, 0, "user.x"],
      ["file_setattr", cwd, secret, blank, 24, 0],
    ]),
    refused(scene, "changes times", ({ secret }) => [
      ["utimensat", cwd, secret, past, 0],
      ["utime", secret, past],
      ["utimes", secret, past],
      ["futimesat", cwd, secret, past],
    ]),
    refused(scene, "cuts files short, by name or by opening them", ({ secret, readable }) => [
      ["truncate", secret, 0],
      ["creat", secret, 0o600],
      ["openat", cwd, secret, readOnly | truncate, 0],
      ...readable.map((path): Call => ["truncate", path, 0]),
      // needs no right to write before version 3 of Landlock
      ...readable.map((path): Call => ["openat", cwd, path, readOnly | truncate, 0]),
      ...readable.map((path): Call => ["open", path, readOnly | truncate, 0]),
    ]),
    refused(scene, "writes what it may only read", ({ readable }) =>
      readable.flatMap((path): Call[] => [
        ["openat", cwd, path, 2, 0],
        ["openat", cwd, path, writeOnly, 0],
      ]),
    ),
    refused(scene, "renames, links and removes outside its cage", ({ secret, home, directory }) => [
      ["unlink", secret],
      ["rename", secret, `${home}/moved`],
      ["link", secret, `${directory}/key`],
      ["symlink", secret, `${home}/link`],
      ["mkdir", `${home}/folder`, 0o700],
      ["mknod", `${home}/pipe`, 0o010600, 0],
    ]),
    refused(scene, "leaves links, pipes and locked folders in its own folder", ({ directory }) => [
      ["symlink", "/etc/passwd", `${directory}/link`],
      ["mknod", `${directory}/pipe`, 0o010600, 0],
      ["mkdir", `${directory}/folder`, 0],
    ]),
    refused(scene, "watches files", () => [["inotify_init1", 0], ["inotify_init"], ["fanotify_init", 0, 0]]),
  ];
}
