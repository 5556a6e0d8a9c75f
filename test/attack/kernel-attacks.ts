/** A process that was taken over and looks for parts of the kernel that it has no use for, and for other ways in. */
import type { Attack } from "./report.ts";
import { refused, type Scene } from "./scene.ts";
import { buffer } from "./taken-over.ts";

const getpid = { i386: 20, x32: 0x4000_0000 | 39 };
const [newUser, newMount, newNetwork] = [0x1000_0000, 0x0002_0000, 0x4000_0000];

export function kernelAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "makes namespaces of its own", () => [
      ["unshare", newUser],
      ["unshare", newUser | newMount],
      ["unshare", newNetwork],
      ["setns", 0, 0],
    ]),
    refused(scene, "mounts, and changes its root", ({ directory }) => [
      ["mount", "none", directory, "tmpfs", 0, 0],
      ["umount2", "/", 2],
      ["fsopen", "tmpfs", 0],
      ["open_tree", -100, "/", 1],
      ["open_tree_attr", -100, "/", 1, buffer, 32],
      ["move_mount", -1, "", -1, "", 0],
      ["fspick", -100, "/", 0],
      ["mount_setattr", -100, "/", 0, Buffer.alloc(32), 32],
      ["pivot_root", directory, directory],
      ["chroot", directory],
    ]),
    refused(scene, "uses io_uring", () => [["io_uring_setup", 8, Buffer.alloc(120)]]),
    refused(scene, "uses userfaultfd", () => [
      ["userfaultfd", 1],
      ["userfaultfd", 0],
    ]),
    refused(scene, "uses bpf", () => [["bpf", 0, Buffer.alloc(72), 72]]),
    refused(scene, "uses performance events", () => [["perf_event_open", Buffer.alloc(128), 0, -1, -1, 0]]),
    refused(scene, "uses the user's keyrings", () => [
      ["keyctl", 0, -4, 0], // KEYCTL_GET_KEYRING_ID of the user's keyring
      ["add_key", "user", "x", "x", 1, -4],
      ["request_key", "user", "x", 0, -4],
    ]),
    refused(scene, "shares memory and queues with other processes", () => [
      ["shmget", 0x1234, 4096, 0o1600],
      ["semget", 0x1234, 1, 0o1600],
      ["msgget", 0x1234, 0o1600],
      ["mq_open", "x", 0o102, 0o600, 0],
    ]),
    refused(scene, "types into a terminal", () => [
      ["ioctl", 0, 0x5412, "x"], // TIOCSTI
      ["ioctl", 0, 0x541c, buffer], // TIOCLINUX
    ]),
    refused(scene, "administers the machine", () => [
      ["syslog", 3, buffer, 100],
      ["swapon", "/dev/null", 0],
      ["quotactl", 0, 0, 0, 0],
      ["init_module", buffer, 10, ""],
      ["kexec_file_load", 0, 0, 0, 0, 0],
      ["iopl", 3],
      ["modify_ldt", 1, Buffer.alloc(16), 16],
    ]),
    refused(scene, "changes its personality", () => [["personality", 0x0040000]]),
    refused(scene, "becomes another user", () => [["setuid", 0]]),
    refused(scene, "calls by x32 numbers", () => [[getpid.x32]]),
    refused(scene, "calls by the 32-bit entry", () => [[{ i386: getpid.i386 }]]),
    refused(scene, "calls a number that no kernel has yet", () => [[999]]),
  ];
}
