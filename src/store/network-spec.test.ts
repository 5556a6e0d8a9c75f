import { expect, test } from "bun:test";
import { openDatabase } from "../host/files/sqlite.ts";
import { migrate } from "./migrate.ts";
import { migrations } from "./migrations.ts";
import { vmRecord } from "./testing/records.ts";
import { createVms } from "./vms.ts";

const before = migrations.findIndex((step) => step.includes("'$.network'"));

test("a VM whose network was only its kind gets an empty deny list", () => {
  const db = openDatabase(":memory:");
  migrate(db, migrations.slice(0, before));
  const { id, name, spec } = vmRecord();
  const insert = (key: string, network: unknown) =>
    db.run(
      `INSERT INTO vms (id, name, state, spec, image_digest, kernel_digest, ephemeral, created_at, generation)
       VALUES (?, ?, 'stopped', ?, ?, ?, 0, 1, 0)`,
      ...[key, `${name}-${key}`, JSON.stringify({ ...spec, network }), spec.image.digest, spec.kernel.digest],
    );
  insert(id, "none");
  insert("abcd1235", { kind: "user", deny: ["lan"] });
  migrate(db);
  const vms = createVms(db);
  expect(vms.byId(id)?.spec).toEqual({ ...spec, network: { kind: "none", deny: [] } });
  expect(vms.byId("abcd1235" as typeof id)?.spec.network).toEqual({ kind: "user", deny: ["lan"] });
});
