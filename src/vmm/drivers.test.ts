/** Several drivers as one: who runs a new VM, and who looks after one that is there. */
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

test("a new VM is run by the first driver that is usable; where none is, the first says why", async () => {
  const [one, two] = [named("one", unusable), named("two")];
  expect(await combineDrivers([one, two]).probe()).toMatchObject({ usable: true, driver: "two" });
  expect(await combineDrivers([two, one]).probe()).toMatchObject({ usable: true, driver: "two" });
  const none = combineDrivers([one, named("two", { ...unusable, why: "too old" })]);
  expect(await none.probe()).toMatchObject({ usable: false, why: "it is missing" });
});

test("what exists is looked after by the driver of its record", async () => {
  const [one, two] = [named("one"), named("two")];
  const drivers = combineDrivers([one, two]);
  await drivers.adopt(record("two"));
  await drivers.end(record("two"));
  expect([one.asked, two.asked]).toEqual([[], ["adopt", "end"]]);
  expect(drivers.savedNetwork({ driver: "one" } as unknown as SaveRecord)).toBe("stream");
  expect(drivers.savedNetwork({ driver: "two" } as unknown as SaveRecord)).toBeNull();
  expect(drivers.programs).toEqual(["one-vmm", "two-vmm"]);
});

test("a folder is cleaned of what any driver may have left", async () => {
  const [one, two] = [named("one"), named("two")];
  await combineDrivers([one, two]).clean("/vm");
  expect([one.asked, two.asked]).toEqual([["clean"], ["clean"]]);
});

test("a VM of a driver that this banger does not have is refused by name", async () => {
  const drivers = combineDrivers([named("one")]);
  const refused = { code: "VMM_NOT_FOUND", message: expect.stringContaining("future") };
  await expect(drivers.adopt(record("future"))).rejects.toMatchObject(refused);
});
