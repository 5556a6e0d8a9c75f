/** The distribution's kernel changes under its name. */
import { expect, test } from "bun:test";
import { createStore } from "../store/store.ts";
import { digestOf, kernelRecord } from "../store/testing/records.ts";
import { paths } from "./testing/daemon.ts";
import { running, setUp } from "./testing/saving.ts";

test("a new kernel of the same name replaces the template with a new one automatically", async () => {
  const { host, world, machines, run } = await setUp();
  await run("one");
  await machines.idle();
  const [old] = machines.templates();
  const digest = digestOf("8");
  createStore(host.db, () => 0).kernels.put(kernelRecord({ digest, release: "6.1.0-99-cloud-amd64" }));
  const files = paths.kernel(digest);
  for (const path of [files.vmlinux, files.modules]) world.paths.set(path, "new kernel");
  const two = await run("two");
  await machines.idle();
  const { from } = running(host, two);
  const [template, ...others] = machines.templates();
  expect(others).toEqual([]);
  expect(template?.key).not.toBe(old?.key as never);
  expect(template?.facts.kernel.digest).toBe(digest);
  expect(from?.files.memory).toBe(paths.template(template?.key as never).memory);
});
