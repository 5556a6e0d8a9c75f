/** Several drivers as one: which runs a new VM, and which handles an existing one. */
import { expect, test } from "bun:test";
import type { DriverRecord, Probe, SaveRecord, VmmDriver } from "./driver.ts";
import { combineDrivers } from "./drivers.ts";
import { createFakeDriver, FakeWorld } from "./testing/fake.ts";

function named(name: string, probe: Partial<Probe> = {}): VmmDriver & { asked: string[] } {
  const asked: string[] = [];
  const driver = createFakeDriver(new FakeWorld());
  const note = (what: string) => async () => void asked.push(what);
  return {
    ...driver,
    asked,
    name,
    programs: [`${name}-vmm`],
    probe: async () => ({ ...(await driver.probe()), driver: name, ...probe }) as Probe,
    adopt: async () => {
      asked.push("adopt");
      return null;
    },
    end: note("end"),
    clean: note("clean"),
    savedNetwork: () => (name === "one" ? "stream" : null),
  };
}

const record = (driver: string) => ({ driver }) as unknown as DriverRecord;
const unusable: Partial<Probe> = { usable: false, why: "it is missing", fix: "install it" };

test("the first usable driver runs a new VM; if none is usable, the first gives the reason", async () => {
  const [one, two] = [named("one", unusable), named("two")];
  expect(await combineDrivers([one, two]).probe()).toMatchObject({ usable: true, driver: "two" });
  expect(await combineDrivers([two, one]).probe()).toMatchObject({ usable: true, driver: "two" });
  const none = combineDrivers([one, named("two", { ...unusable, why: "too old" })]);
  expect(await none.probe()).toMatchObject({ usable: false, why: "it is missing" });
});

test("an existing VM is handled by the driver in its record", async () => {
  const [one, two] = [named("one"), named("two")];
  const drivers = combineDrivers([one, two]);
  await drivers.adopt(record("two"));
  await drivers.end(record("two"));
  expect([one.asked, two.asked]).toEqual([[], ["adopt", "end"]]);
  expect(drivers.savedNetwork({ driver: "one" } as unknown as SaveRecord)).toBe("stream");
  expect(drivers.savedNetwork({ driver: "two" } as unknown as SaveRecord)).toBeNull();
  expect(drivers.programs).toEqual(["one-vmm", "two-vmm"]);
});

test("a folder is cleaned of the files of every driver", async () => {
  const [one, two] = [named("one"), named("two")];
  await combineDrivers([one, two]).clean("/vm");
  expect([one.asked, two.asked]).toEqual([["clean"], ["clean"]]);
});

test("the error for a VM of an unknown driver names the driver", async () => {
  const drivers = combineDrivers([named("one")]);
  const refused = { code: "VMM_NOT_FOUND", message: expect.stringContaining("future") };
  await expect(drivers.adopt(record("future"))).rejects.toMatchObject(refused);
});
