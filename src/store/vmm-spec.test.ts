import { expect, test } from "bun:test";
import { openDatabase } from "../host/files/sqlite.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { vmRecord } from "./testing/records.ts";
import { createVms } from "./vms.ts";

const before = migrations.findIndex((step) => step.includes("'$.vmm'"));

test("a VM from before there were two drivers is QEMU's, and is as it was otherwise", () => {
  const db = openDatabase(":memory:");
  migrate(db, migrations.slice(0, before));
  const { id, name, spec } = vmRecord();
  const { vmm: _, ...old } = spec;
  db.run(
    `INSERT INTO vms (id, name, state, spec, image_digest, kernel_digest, ephemeral, created_at, generation)
     VALUES (?, ?, 'suspended', ?, ?, ?, 0, 1, 3)`,
    ...[id, name, JSON.stringify(old), spec.image.digest, spec.kernel.digest],
  );
  migrate(db);
  expect(createVms(db).byId(id)).toMatchObject({
    state: "suspended",
    generation: 3,
    spec: { ...old, vmm: { driver: "qemu", why: "there was no other" } },
  });
});
