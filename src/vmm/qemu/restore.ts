/** Loads device state into a QEMU that waits for it and has mapped the memory file. */
import type { Qmp } from "../../wire/qmp/client.ts";
import { beginMigration, migrationEnd, prepareMigration, withMigrationStream } from "./migration.ts";

/**
 * The VM is paused afterwards. QEMU gets the bytes of `state`, not the file that they came from: what was checked is what is
 * loaded.
 * @throws when QEMU refuses; it exits then, and its log has the reason
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
