import { expect, test } from "bun:test";
import fc from "fast-check";
import { reverseZones } from "../../base/reverse-zone.ts";
import type { BridgeSpec } from "../../model/bridge.ts";
import { writeAnswer } from "../../wire/dns/answer.ts";
import { classIn, rcode, type recordType } from "../../wire/dns/message.ts";
import { readQuery } from "../../wire/dns/query.ts";
import { type Asked, type Decoded, decodeAnswer, queryBytes } from "../../wire/dns/testing/messages.ts";
import { answerTo } from "./answers.ts";
import type { VmNames } from "./zones.ts";

const bridge: BridgeSpec = { address: "172.16.0.1", prefix: 24 };

function namesOf(vms: Record<string, string>): VmNames {
  return {
    addressOf: (name) => (Object.hasOwn(vms, name) ? (vms[name] ?? null) : null),
    nameOf: (address) => Object.entries(vms).find(([, one]) => one === address)?.[0] ?? null,
  };
}

const names = namesOf({ sandbox: "172.16.0.5", "a-b": "172.16.0.255" });

function ask(asked: Asked, on = bridge, of = names): Decoded {
  const answer = answerTo(readQuery(queryBytes(asked)), on, of);
  if (answer === null) throw new Error("no answer");
  return decodeAnswer(writeAnswer(answer, 65_535));
}

const type = (text: string) => text as keyof typeof recordType;
const codeName = (code: number) => Object.entries(rcode).find(([, number]) => number === code)?.[0] ?? code;
const short = ({ rcode: code, answers, authority }: Decoded) => [
  codeName(code),
  ...answers.map((one) => `${one.name} ${one.type} ${one.data}`),
  ...authority.map((one) => `(${one.name} ${one.type})`),
];
const soa = "vm. hostmaster.vm. 1 86400 7200 3600000 0";

test.each([
  ["sandbox.vm", "A", ["NOERROR", "sandbox.vm. A 172.16.0.5"]],
  ["SANDbox.vM", "A", ["NOERROR", "SANDbox.vM. A 172.16.0.5"]],
  ["sandbox.vm", "AAAA", ["NOERROR", "(vm. SOA)"]],
  ["sandbox.vm", "NS", ["NOERROR", "(vm. SOA)"]],
  ["sandbox.vm", "ANY", ["NOERROR", 'sandbox.vm. HINFO "RFC8482" ""']],
  ["other.vm", "A", ["NXDOMAIN", "(vm. SOA)"]],
  ["other.vm", "AAAA", ["NXDOMAIN", "(vm. SOA)"]],
  ["other.vm", "ANY", ["NXDOMAIN", "(vm. SOA)"]],
  ["www.sandbox.vm", "A", ["NXDOMAIN", "(vm. SOA)"]],
  ["_Banger.vm", "A", ["NOERROR", "_Banger.vm. A 172.16.0.1"]],
  ["x._banger.vm", "A", ["NXDOMAIN", "(vm. SOA)"]],
  ["-.vm", "A", ["NXDOMAIN", "(vm. SOA)"]],
  ["vm", "SOA", ["NOERROR", `vm. SOA ${soa}`]],
  ["VM", "NS", ["NOERROR", "VM. NS VM."]],
  ["vm", "A", ["NOERROR", "vm. A 172.16.0.1"]],
  ["vm", "AAAA", ["NOERROR", "(vm. SOA)"]],
  ["sandbox", "A", ["REFUSED"]],
  ["sandbox.vm.example", "A", ["REFUSED"]],
  ["example.com", "A", ["REFUSED"]],
  ["", "NS", ["REFUSED"]],
  ["localhost", "A", ["REFUSED"]],
] as [string, string, string[]][])("%s %s", (name, asked, expected) => {
  expect(short(ask({ name: name === "" ? [] : name.split("."), type: type(asked) }))).toEqual(expected);
});

test.each([
  ["5.0.16.172", "PTR", ["NOERROR", "5.0.16.172.in-addr.arpa. PTR sandbox.vm."]],
  ["1.0.16.172", "PTR", ["NOERROR", "1.0.16.172.in-addr.arpa. PTR vm."]],
  ["255.0.16.172", "PTR", ["NOERROR", "255.0.16.172.in-addr.arpa. PTR a-b.vm."]],
  ["5.0.16.172", "A", ["NOERROR", "(0.16.172.in-addr.arpa. SOA)"]],
  ["6.0.16.172", "PTR", ["NXDOMAIN", "(0.16.172.in-addr.arpa. SOA)"]],
  ["256.0.16.172", "PTR", ["NXDOMAIN", "(0.16.172.in-addr.arpa. SOA)"]],
  ["05.0.16.172", "PTR", ["NXDOMAIN", "(0.16.172.in-addr.arpa. SOA)"]],
  ["x.5.0.16.172", "PTR", ["NXDOMAIN", "(0.16.172.in-addr.arpa. SOA)"]],
  ["0.16.172", "SOA", ["NOERROR", `0.16.172.in-addr.arpa. SOA ${soa}`]],
  ["0.16.172", "NS", ["NOERROR", "0.16.172.in-addr.arpa. NS vm."]],
  ["0.16.172", "PTR", ["NOERROR", "(0.16.172.in-addr.arpa. SOA)"]],
  ["5.1.16.172", "PTR", ["REFUSED"]],
  ["16.172", "SOA", ["REFUSED"]],
  ["1.0.0.127", "PTR", ["REFUSED"]],
] as [string, string, string[]][])("%s.in-addr.arpa %s", (name, asked, expected) => {
  expect(short(ask({ name: [...name.split("."), "in-addr", "arpa"], type: type(asked) }))).toEqual(expected);
});

test("the reverse zone's apex, and names above and beside it", () => {
  for (const name of ["in-addr.arpa", "arpa", "ip6.arpa", "0.16.172.in-addr.vm.arpa"])
    expect(short(ask({ name: name.split("."), type: "PTR" }))).toEqual(["REFUSED"]);
});

test("a bridge with 16 bits: between zone and address nothing is, but names can be below", () => {
  const wide = { address: "172.16.0.1", prefix: 16 };
  const at = (name: string, asked: string) => short(ask({ name: name.split("."), type: type(asked) }, wide));
  expect(at("16.172.in-addr.arpa", "NS")).toEqual(["NOERROR", "16.172.in-addr.arpa. NS vm."]);
  expect(at("0.16.172.in-addr.arpa", "PTR")).toEqual(["NOERROR", "(16.172.in-addr.arpa. SOA)"]);
  expect(at("x.16.172.in-addr.arpa", "PTR")).toEqual(["NXDOMAIN", "(16.172.in-addr.arpa. SOA)"]);
  expect(at("5.0.16.172.in-addr.arpa", "PTR")).toEqual(["NOERROR", "5.0.16.172.in-addr.arpa. PTR sandbox.vm."]);
});

test("a bridge with 30 bits: each address is a zone, and none is outside", () => {
  const small = { address: "192.0.2.5", prefix: 30 };
  const vms = namesOf({ x: "192.0.2.6" });
  const at = (last: number, asked: string) =>
    short(ask({ name: [String(last), "2", "0", "192", "in-addr", "arpa"], type: type(asked) }, small, vms));
  expect(at(6, "PTR")).toEqual(["NOERROR", "6.2.0.192.in-addr.arpa. PTR x.vm."]);
  expect(at(7, "SOA")).toEqual(["NOERROR", `7.2.0.192.in-addr.arpa. SOA ${soa}`]);
  expect(at(8, "PTR")).toEqual(["REFUSED"]);
  expect(at(3, "PTR")).toEqual(["REFUSED"]);
});

test("every zone that the resolver is told of is answered for, and its neighbours are not", () => {
  const cidr = fc.record({
    address: fc.constantFrom("10.200.77.33", "172.31.255.254", "192.168.0.1"),
    prefix: fc.integer({ min: 8, max: 32 }),
  });
  fc.assert(
    fc.property(cidr, (spec) => {
      const [a = 0, b = 0, c = 0, d = 0] = spec.address.split(".").map(Number);
      const zones = reverseZones({ address: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, prefix: spec.prefix });
      for (const zone of [zones[0], zones.at(-1)])
        expect(ask({ name: (zone ?? "").split("."), type: "SOA" }, spec)).toMatchObject({
          rcode: 0,
          flags: ["aa", "rd"],
        });
      expect(zones).toContain(
        `${[a, b, c, d]
          .slice(0, Math.ceil(spec.prefix / 8))
          .reverse()
          .join(".")}.in-addr.arpa`,
      );
      const beside = [d, c, b, (a + 1) % 256].map(String);
      expect(short(ask({ name: [...beside, "in-addr", "arpa"], type: "PTR" }, spec))).toEqual(["REFUSED"]);
    }),
  );
});

test("nothing may be kept, and nothing says that this server asks others", () => {
  for (const name of ["sandbox", "other"]) {
    const { answers, authority, flags } = ask({ name: [name, "vm"] });
    expect([...answers, ...authority].map(({ ttl }) => ttl)).toEqual([0]);
    expect(flags).toEqual(["aa", "rd"]);
  }
  expect(ask({ name: ["example", "com"] }).flags).toEqual(["rd"]);
});

test.each([3, 4, 254, 255, 0])("class %p is refused", (other) => {
  expect(short(ask({ name: ["sandbox", "vm"], class: other }))).toEqual(["REFUSED"]);
});

test.each([
  ["AXFR", 252, "REFUSED"],
  ["IXFR", 251, "REFUSED"],
  ["TSIG", 250, "REFUSED"],
  ["MAILA", 254, "REFUSED"],
  ["OPT", 41, "FORMERR"],
  ["HTTPS: no data", 65, "NOERROR"],
  ["TYPE0: no data", 0, "NOERROR"],
  ["TYPE256: no data", 256, "NOERROR"],
])("%s", (_, number, expected) => {
  const { rcode: code, answers } = ask({ name: ["vm"], type: number });
  expect([codeName(code), answers]).toEqual([expected, []]);
});

test("a rename, a deletion and a new VM are there at the next query", () => {
  const vms: Record<string, string> = { one: "172.16.0.2" };
  const of = namesOf(vms);
  const found = (name: string) => short(ask({ name: [name, "vm"] }, bridge, of))[0];
  const reverse = () => short(ask({ name: ["2", "0", "16", "172", "in-addr", "arpa"], type: "PTR" }, bridge, of))[1];
  expect([found("one"), found("two"), reverse()]).toEqual([
    "NOERROR",
    "NXDOMAIN",
    expect.stringContaining("PTR one.vm."),
  ]);
  delete vms["one"];
  vms["two"] = "172.16.0.2";
  expect([found("one"), found("two"), reverse()]).toEqual([
    "NXDOMAIN",
    "NOERROR",
    expect.stringContaining("PTR two.vm."),
  ]);
  delete vms["two"];
  expect([found("two"), reverse()]).toEqual(["NXDOMAIN", "(0.16.172.in-addr.arpa. SOA)"]);
});

test("the callbacks get names of VMs and whole addresses only", () => {
  const asked: string[] = [];
  const note = (text: string) => {
    asked.push(text);
    return null;
  };
  const label = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 63 }).map((b) => Buffer.from(b).toString("latin1")),
    fc.constantFrom("vm", "arpa", "in-addr", "172", "16", "0", "7", "x"),
  );
  fc.assert(
    fc.property(
      fc.array(label, { maxLength: 4 }),
      fc.constantFrom(["vm"], ["in-addr", "arpa"], ["0", "16", "172", "in-addr", "arpa"]),
      (labels, tail) => {
        const name = [...labels, ...tail];
        fc.pre(name.join(".").length < 250);
        answerTo(readQuery(queryBytes({ name, type: "PTR" })), bridge, { addressOf: note, nameOf: note });
      },
    ),
    { numRuns: 1000 },
  );
  expect(asked.length).toBeGreaterThan(0);
  for (const text of asked) expect(text).toMatch(/^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?|172\.16\.0\.\d{1,3})$/);
});

test("class and type are looked at before names are", () => {
  const never = () => {
    throw new Error("asked");
  };
  const none = { addressOf: never, nameOf: never };
  for (const asked of [{ class: 3 }, { type: 252 }] as Partial<Asked>[])
    expect(short(ask({ name: ["x", "vm"], ...asked }, bridge, none))).toEqual(["REFUSED"]);
  expect(() => ask({ name: ["x", "vm"], class: classIn }, bridge, none)).toThrow("asked");
});
