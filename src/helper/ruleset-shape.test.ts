import { expect, test } from "bun:test";
import { rulesetOf } from "./ruleset.ts";
import { readShape, sameShape, shapeOf } from "./ruleset-shape.ts";
import { wantedTwo } from "./testing/wanted.ts";

/** As nft 1.0.6 prints what `elements` were given as ranges. */
const listed = {
  nftables: [
    { metainfo: { version: "1.0.6" } },
    { table: { family: "inet", name: "banger", handle: 2 } },
    {
      set: {
        name: "deny-aaaa1111",
        type: "ipv4_addr",
        flags: ["interval"],
        elem: [
          "1.2.3.4",
          { prefix: { addr: "10.0.0.0", len: 8 } },
          { range: ["10.9.0.1", "10.9.0.6"] },
          { elem: { val: "5.6.7.8", comment: "x" } },
        ],
      },
    },
    { set: { name: "guests", elem: [{ concat: ["bgr-aaaa1111", "02:00:00:00:00:01", "172.16.0.2"] }] } },
    { set: { name: "open" } },
    { chain: { name: "input", type: "filter", hook: "input", prio: -300, policy: "accept" } },
    { chain: { name: "from-guest" } },
    { rule: { chain: "from-guest", expr: [] } },
    { rule: { chain: "from-guest", expr: [] } },
  ],
};

test("what nft lists is read", () => {
  expect(readShape(JSON.stringify(listed))).toEqual({
    sets: {
      "deny-aaaa1111": ["1.2.3.4", "10.0.0.0-10.255.255.255", "10.9.0.1-10.9.0.6", "5.6.7.8"],
      guests: ["bgr-aaaa1111 . 02:00:00:00:00:01 . 172.16.0.2"],
      open: [],
    },
    chains: { input: { hook: "filter input -300 accept", rules: 0 }, "from-guest": { hook: "", rules: 2 } },
  });
});

test.each(["", "[]", "null", '{"nftables":1}'])("%p is no list", (text) => expect(readShape(text)).toBeNull());

test("every difference counts: a set, an element, a chain, its hook, a rule", () => {
  const [table] = rulesetOf(wantedTwo);
  if (!table) throw new Error("no table");
  const shape = () => structuredClone(shapeOf(table));
  expect(sameShape(shape(), shape())).toBe(true);
  const changes: ((one: ReturnType<typeof shape>) => void)[] = [
    (one) => delete one.sets["open"],
    (one) => one.sets["guests"]?.pop(),
    (one) => delete one.chains["forward"],
    (one) => Object.assign(one.chains["prerouting"] ?? {}, { hook: "" }),
    (one) => Object.assign(one.chains["from-guest"] ?? {}, { rules: 1 }),
    (one) => Object.assign(one.chains, { more: { hook: "", rules: 0 } }),
  ];
  for (const change of changes) {
    const other = shape();
    change(other);
    expect(sameShape(shape(), other)).toBe(false);
  }
});
