/** Several drivers side by side. */
import { expect, test } from "bun:test";
import type { DriverRecord, VmmDriver } from "./driver.ts";
import { combineDrivers } from "./drivers.ts";
import { createFakeDriver, FakeWorld } from "./testing/fake.ts";

function named(name: string): VmmDriver & { asked: string[] } {
  const asked: string[] = [];
  const driver = createFakeDriver(new FakeWorld());
  const note = (what: string) => async () => void asked.push(what);
  return {
    ...driver,
    asked,
    name,
    programs: [`${name}-vmm`],
    adopt: async () => {
      asked.push("adopt");
      return null;
    },
    end: note("end"),
    clean: note("clean"),
  };
}

const record = (driver: string) => ({ driver }) as unknown as DriverRecord;

test("a driver is found by its name", async () => {
  const [one, two] = [named("one"), named("two")];
  const drivers = combineDrivers([one, two]);
  await drivers.named("two").adopt(record("two"));
  await drivers.named("two").end(record("two"));
  expect([one.asked, two.asked]).toEqual([[], ["adopt", "end"]]);
  expect(drivers.all.map(({ name }) => name)).toEqual(["one", "two"]);
  expect(drivers.programs).toEqual(["one-vmm", "two-vmm"]);
});

test("a folder is cleaned of the files of every driver", async () => {
  const [one, two] = [named("one"), named("two")];
  await combineDrivers([one, two]).clean("/vm");
  expect([one.asked, two.asked]).toEqual([["clean"], ["clean"]]);
});

test("the error for a VM of an unknown driver names the driver", () => {
  const drivers = combineDrivers([named("one")]);
  const refused = { code: "VMM_NOT_FOUND", message: expect.stringContaining("future") };
  expect(() => drivers.named("future")).toThrow(expect.objectContaining(refused));
});
