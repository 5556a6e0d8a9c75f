/** A socket of another user's that was at a path before its folder was ours. */
import { expect } from "bun:test";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { gatedTest } from "../testing/gate.ts";
import { tempFolder } from "../testing/temp.ts";
import { connectUnix, listenUnix, type Peer } from "./socket.ts";

const nobody = 65_534;

/** A process of another user's that listens at `path`, in a folder that was that user's until then. */
async function stranger(folder: string, path: string) {
  fs.chownSync(folder, nobody, nobody);
  const source = 'Bun.listen({ unix: process.argv[1], socket: { data() {} } }); console.log("ready")';
  const child = spawn(process.execPath, ["-e", source, path], {
    uid: nobody,
    gid: nobody,
    stdio: ["ignore", "pipe", "inherit"],
    env: { HOME: "/nonexistent", TMPDIR: "/tmp", BUN_TMPDIR: "/tmp" },
  });
  await child.stdout[Symbol.asyncIterator]().next();
  fs.chownSync(folder, 0, 0);
  return { [Symbol.dispose]: () => void child.kill() };
}

gatedTest(
  "root",
  "another user's live socket is replaced where that is asked for, in a folder of our own",
  async () => {
    using folder = tempFolder();
    const path = `${folder.path}/s`;
    using _other = await stranger(folder.path, path);
    await expect(listenUnix(path, { mode: 0o600 }, () => {})).rejects.toMatchObject({ code: "EADDRINUSE" });
    fs.chmodSync(folder.path, 0o777);
    const options = { mode: 0o600, replacesOthers: true };
    await expect(listenUnix(path, options, () => {})).rejects.toMatchObject({ code: "EADDRINUSE" });
    fs.chmodSync(folder.path, 0o755);
    const listener = await listenUnix(path, options, () => {});
    const found: (Peer | null)[] = [];
    (await connectUnix(path, 1000, (peer) => void found.push(peer))).destroy();
    expect(found).toMatchObject([{ pid: process.pid, uid: 0 }]);
    // our own is not another's
    await expect(listenUnix(path, options, () => {})).rejects.toMatchObject({ code: "EADDRINUSE" });
    await listener.close();
  },
);
