/** Loads a saved VM's devices into a QEMU that waits for them, with the memory file mapped already. */
import type { ByteStream } from "../../base/bytes.ts";
import { removeTree } from "../../host/files.ts";
import { connectUnix } from "../../host/socket.ts";
import type { Qmp } from "../../wire/qmp/client.ts";
import { migrationEnd, prepareMigration } from "./migration.ts";

/**
 * The VM is paused afterwards, as every saved one was.
 * @param socket made by QEMU, and removed
 * @throws when QEMU refuses: it ends then, and its log has the reason
 */
export async function loadState(qmp: Qmp, state: Uint8Array, socket: string): Promise<void> {
  const ended = migrationEnd(qmp);
  try {
    await prepareMigration(qmp);
    await qmp.execute("migrate-incoming", { uri: `unix:${socket}` });
    const line = await connectUnix(socket);
    send(line, state);
    const status = await ended;
    line.destroy();
    if (status !== "completed") throw new Error(`loading the saved VM ${status}`);
  } finally {
    await removeTree(socket);
  }
}

function send(line: ByteStream, state: Uint8Array): void {
  line.onData(() => {});
  line.write(state);
  line.end();
}
