/** What QEMU is told about saving and loading, and how it says that it is done. */
import { fail } from "../../base/errors/error.ts";
import type { Qmp } from "../../wire/qmp/client.ts";

/**
 * Memory that is shared with a file is not sent, and each side must know that the other thinks so too. `events`: the end of
 * a migration is told, so nobody has to ask for it.
 */
const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));

/**
 * Without the first a save trickles at 128 MiB/s. No downtime is aimed at: a save ends after the first pass, and not before.
 * A guest needs no announcing: its network is its own, and whoever restores it gives it a new identity.
 */
const parameters = { "max-bandwidth": 2 ** 40, "downtime-limit": 0, "announce-rounds": 0 };

export async function prepareMigration(qmp: Qmp): Promise<void> {
  await Promise.all([
    qmp.execute("migrate-set-capabilities", { capabilities }),
    qmp.execute("migrate-set-parameters", parameters),
  ]);
}

export type MigrationEnd = "completed" | "failed" | "cancelled";

/** Ask before the migration begins. @throws VMM_START_FAILED when QEMU is gone */
export async function migrationEnd(qmp: Qmp): Promise<MigrationEnd> {
  const data = await qmp.event("MIGRATION", ({ status }) => ends.has(String(status)));
  return data["status"] as MigrationEnd;
}

const ends = new Set(["completed", "failed", "cancelled"]);

/** Why the last one failed, in QEMU's words. */
export async function migrationProblem(qmp: Qmp): Promise<string> {
  const answer = (await qmp.execute("query-migrate")) as { "error-desc"?: unknown };
  return String(answer["error-desc"] ?? "the migration failed").slice(0, 500);
}

export function saveFailed(reason: string, cause?: unknown): Error {
  return fail("SAVE_FAILED", { driver: "qemu", reason }, cause);
}
