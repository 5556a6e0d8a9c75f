/** What QEMU is told about saving and loading, and how it says that it is done. */
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { recordOf, textOf } from "../../base/foreign.ts";
import { streamPair } from "../../host/net/socket-pair.ts";
import type { Qmp } from "../../wire/qmp/client.ts";

/**
 * Memory that is shared with a file is not sent, and each side must know that the other thinks so too. `events`: the end of
 * a migration is told, so nobody has to ask for it.
 */
const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));

/**
 * Without the first a save trickles at 128 MiB/s. No downtime is aimed at: a save ends after the first pass, and not before.
 * QEMU announces nobody in the guest's stead either: its network device has no `guest_announce` (args.ts).
 */
const parameters = { "max-bandwidth": 2 ** 40, "downtime-limit": 0, "announce-rounds": 0 };

export async function prepareMigration(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute("migrate-set-capabilities", { capabilities }),
    qmp.execute("migrate-set-parameters", parameters),
  ]);
}

/** QEMU's name for its end of a stream; a connection has one stream at a time. */
const fdname = "migration";

/**
 * Runs `use` with a stream whose other end QEMU has, for `beginMigration`; the stream is over afterwards. QEMU opens no socket itself.
 * @throws VMM_START_FAILED when QEMU takes no descriptor
 */
export async function withMigrationStream<T>(qmp: Qmp, use: (stream: ByteStream) => Promise<T>): Promise<T> {
  const { stream, other, closeOther } = streamPair();
  try {
    await qmp.executeWith(other, "getfd", { fdname }).finally(closeOther);
    return await use(stream);
  } finally {
    stream.destroy();
  }
}

/** QEMU sends into its end of the stream, or reads from it. @throws VMM_START_FAILED when it refuses */
export async function beginMigration(qmp: Qmp, command: "migrate" | "migrate-incoming"): Promise<void> {
  try {
    await qmp.execute(command, { uri: `fd:${fdname}` });
  } catch (error) {
    // it has not taken its end then
    qmp.execute("closefd", { fdname }).catch(() => {});
    throw error;
  }
}

export type MigrationEnd = "completed" | "failed" | "cancelled";

/** Ask before the migration begins. @throws VMM_START_FAILED when QEMU is gone */
export function migrationEnd(qmp: Qmp): Promise<MigrationEnd> {
  const end = qmp.event("MIGRATION", ({ status }) => isEnd(status)).then((data) => data["status"] as MigrationEnd);
  // whoever asked may have failed before it looks
  end.catch(() => {});
  return end;
}

function isEnd(status: unknown): status is MigrationEnd {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** Why the last one failed, in QEMU's words. */
export async function migrationProblem(qmp: Qmp): Promise<string> {
  const answer = recordOf(await qmp.execute("query-migrate"));
  return textOf(answer?.["error-desc"], 500) ?? "the migration failed";
}

export function saveFailed(reason: string, cause?: unknown): Error {
  return fail("SAVE_FAILED", { driver: "qemu", reason }, cause);
}
