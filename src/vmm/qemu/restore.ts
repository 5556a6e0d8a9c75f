/** Loads a saved VM's devices into a QEMU that waits for them, with the memory file mapped already. */
import type { Qmp } from "../../wire/qmp/client.ts";
import { beginMigration, migrationEnd, prepareMigration, withMigrationStream } from "./migration.ts";

/**
 * The VM is paused afterwards, as every saved one was. QEMU reads `state` itself, not the file that it came from: what was checked is
 * what is loaded.
 * @throws when QEMU refuses: it ends then, and its log has the reason
 */
export async function loadState(qmp: Qmp, state: Uint8Array): Promise<void> {
  const prepared = prepareMigration(qmp);
  prepared.catch(() => {});
  const ended = migrationEnd(qmp);
  await withMigrationStream(qmp, async (stream) => {
    stream.onData(() => {});
    stream.write(state);
    stream.end();
    await prepared;
    await beginMigration(qmp, "migrate-incoming");
    const status = await ended;
    if (status !== "completed") throw new Error(`loading the saved VM ${status}`);
  });
}
