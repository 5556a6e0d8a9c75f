/** QEMU's migration commands, for saving and loading. */
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { recordOf, textOf } from "../../base/untrusted-json.ts";
import { streamPair } from "../../host/net/socket-pair.ts";
import type { Qmp } from "../../wire/qmp/client.ts";

/**
 * `x-ignore-shared`: memory that is shared with a file is not sent; both ends must set it. `events`: QEMU reports the end of
 * a migration, so we need not poll.
 */
const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));

/**
 * QEMU's default bandwidth is 128 MiB/s. With a downtime limit of 0, a save never ends before its first pass does. QEMU sends no
 * announcements on the guest's behalf either, as its network device has no `guest_announce` (args.ts).
 */
const parameters = { "max-bandwidth": 2 ** 40, "downtime-limit": 0, "announce-rounds": 0 };

export async function prepareMigration(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute("migrate-set-capabilities", { capabilities }),
    qmp.execute("migrate-set-parameters", parameters),
  ]);
}

/** QEMU's name for its end of the stream; each monitor connection has one at a time. */
const fdname = "migration";

/**
 * Runs `use` with a stream whose other end QEMU has, for `beginMigration`; destroys the stream afterwards. QEMU opens no socket.
 * @throws VMM_START_FAILED when QEMU refuses the descriptor
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
    // QEMU still has the descriptor then
    qmp.execute("closefd", { fdname }).catch(() => {});
    throw error;
  }
}

export type MigrationEnd = "completed" | "failed" | "cancelled";

/** How the next migration ends; call it before the migration begins. @throws VMM_START_FAILED when QEMU is gone */
export function migrationEnd(qmp: Qmp): Promise<MigrationEnd> {
  const end = qmp.event("MIGRATION", ({ status }) => isEnd(status)).then((data) => data["status"] as MigrationEnd);
  // the caller may fail before it awaits this
  end.catch(() => {});
  return end;
}

function isEnd(status: unknown): status is MigrationEnd {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** QEMU's reason why the last migration failed. */
export async function migrationProblem(qmp: Qmp): Promise<string> {
  const answer = recordOf(await qmp.execute("query-migrate"));
  return textOf(answer?.["error-desc"], 500) ?? "the migration failed";
}

export function saveFailed(reason: string, cause?: unknown): Error {
  return fail("SAVE_FAILED", { driver: "qemu", reason }, cause);
}
