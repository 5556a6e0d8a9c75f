/** A process in Firecracker's cage that was taken over, and uses what only that allows. */
import type { Attack } from "./report.ts";
import { refused, refusedSteps, type Scene } from "./scene.ts";
import { type Call, failed, type TakenOver } from "./taken-over.ts";

const cwd = -100;
const [writeOnly, truncate] = [1, 0o1000];
const emptyPath = 0x1000;
/** MFD_CLOEXEC and MFD_ALLOW_SEALING of memfd_create(2) */
const [closeOnExec, sealable] = [1, 2];

export function firecrackerAttacks(scene: () => Scene): Attack[] {
  return [
    refused(scene, "cuts files short by opening them for writing", ({ secret, readable }) =>
      [secret, ...readable].flatMap((path): Call[] => [
        ["openat", cwd, path, writeOnly | truncate, 0],
        ["open", path, writeOnly | truncate, 0],
      ]),
    ),
    refusedSteps(scene, "executes a file that it keeps in memory", async function* (taken) {
      const file = await memoryFile(taken);
      await taken.call("write", file, "#!/usr/bin/true\n", 16);
      yield await taken.call("execveat", file, "", 0, 0, emptyPath);
      yield await taken.call("execve", `/proc/self/fd/${file}`, 0, 0);
      yield await taken.call("execve", `/dev/fd/${file}`, 0, 0);
      await taken.call("close", file);
    }),
    refused(scene, "makes any other file in memory", () =>
      [0, closeOnExec, sealable, closeOnExec | sealable | 4].map((flags): Call => ["memfd_create", "x", flags]),
    ),
  ];
}

/** @returns a descriptor. @throws when there is none: Firecracker needs one for its vsock */
export async function memoryFile(taken: TakenOver): Promise<bigint> {
  const answer = await taken.call("memfd_create", "x", closeOnExec | sealable);
  if (!("result" in answer) || failed(answer)) throw new Error("it must be able to keep a file in memory");
  return answer.result;
}
