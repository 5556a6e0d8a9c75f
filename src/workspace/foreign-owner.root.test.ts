/** A repository of another user works (`safe.directory` protects configuration, and none is loaded). */
import { expect } from "bun:test";
import { gatedTest } from "../host/testing/gate.ts";
import { git, makeRepository, roundTrip, status, testBed } from "./testing/repository.ts";

gatedTest("root", "a repository of another user", async () => {
  using bed = testBed();
  const folder = makeRepository(`${bed.folder}/repo`);
  const before = status(folder);
  Bun.spawnSync(["chown", "-R", "65534:65534", folder]);
  expect(() => git(folder, "status")).toThrow("dubious ownership");
  const { guest } = await roundTrip(bed, { folder, includeUntracked: true });
  expect(status(guest)).toBe(before);
});
