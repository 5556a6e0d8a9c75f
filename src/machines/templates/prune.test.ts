/** Pruning during imports: what an import is writing looks like another one's leftovers. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import { depsOf, newHost, recorder, startDaemon } from "../testing/daemon.ts";

const { emit, signal } = recorder();

test("an import that begins while leftovers are removed waits, and one that runs protects its files", async () => {
  const host = newHost();
  const { artifacts } = depsOf(host);
  const [removing, go, importing, end] = Array.from({ length: 4 }, () => new Deferred<void>());
  if (!removing || !go || !importing || !end) throw new Error("no promises");
  const order: string[] = [];
  const machines = await startDaemon(host, undefined, {
    artifacts: {
      ...artifacts,
      async removeLeftovers() {
        order.push("removing");
        removing.resolve();
        await go.promise;
        order.push("removed");
        return { files: 1, bytes: 1 };
      },
      async importImage(...args) {
        order.push("importing");
        importing.resolve();
        await end.promise;
        return artifacts.importImage(...args);
      },
    },
  });
  const pruning = machines.pruneImages({ all: false, dryRun: false });
  await removing.promise;
  const upload = { name: "new", source: "x", tar: (async function* () {})() };
  const imported = machines.importImage(upload, emit, signal);
  await new Promise((resolve) => setImmediate(resolve));
  expect(order).toEqual(["removing"]);
  go.resolve();
  expect(await pruning).toMatchObject({ leftovers: { files: 1 } });
  await importing.promise;
  expect(await machines.pruneImages({ all: false, dryRun: false })).toMatchObject({ leftovers: { files: 0 } });
  expect(order).toEqual(["removing", "removed", "importing"]);
  end.resolve();
  await imported;
  await machines.idle();
});
