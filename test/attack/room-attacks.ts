/** A process that was taken over and fills the host's disk, or its folder, beyond what its VM may have. */
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { failed } from "./taken-over.ts";

const cwd = -100;
const [writeOnly, readWrite, create] = [1, 2, 0o100];
const unnamed = 0o20_200_000;
/** modes of fallocate(2) that take blocks beyond the end of a file, or move its contents */
const [keepSize, zeroBeyond, collapse, insert] = [0x01, 0x11, 0x08, 0x20];
/** more than the VM's disk has */
const bytes = 2 ** 33;

export function roomAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "makes and removes files in its own folder", ({ directory }) => [
      ["openat", cwd, `${directory}/new`, create | writeOnly, 0o600],
      ["open", `${directory}/new`, create | writeOnly, 0],
      ["openat", cwd, directory, unnamed | writeOnly, 0o600],
      ["open", directory, unnamed | readWrite, 0o600],
      ["unlink", `${directory}/serial.log`],
      ["rename", `${directory}/serial.log`, `${directory}/moved`],
    ]),
    refusedSteps(scene, "takes blocks beyond the end of its disk", async function* (taken, { directory }) {
      const opened = await taken.call("openat", cwd, `${directory}/disk.ext4`, readWrite, 0);
      if (failed(opened) || !("result" in opened)) throw new Error("a VMM must be able to open its own disk");
      for (const mode of [keepSize, zeroBeyond, collapse, insert]) {
        yield await taken.call("fallocate", opened.result, mode, 0, bytes);
      }
      // within the modes that it may use, the limit of a file's size counts
      yield await taken.call("fallocate", opened.result, 0, 0, bytes);
      await taken.call("close", opened.result);
    }),
  ];
}
