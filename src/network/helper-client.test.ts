import { expect, test } from "bun:test";
import fc from "fast-check";
import type { VmId } from "../base/names.ts";
import { runs } from "../base/testing/budget.ts";
import { memoryPair } from "../host/testing/memory-pair.ts";
import { encodeFrame } from "../wire/helper/frames.ts";
import { HelperAway, HelperRefusal, helperOver } from "./helper-client.ts";
import { FakeHelper } from "./testing/fake-helper.ts";

const vm = "abcd1234" as VmId;
const tap = { vm, address: "172.16.0.2", isolated: true, deny: ["10.0.0.0/8"] };

test("each verb arrives as it was asked, and is answered", async () => {
  const fake = new FakeHelper();
  const helper = await fake.connect();
  await helper.ensureBridge("172.16.0.1", 24);
  await helper.ensureNat();
  await helper.createTap(tap);
  await helper.routeResolver();
  expect(await helper.status()).toEqual({
    version: "1.0",
    pid: 7,
    bridge: { address: "172.16.0.1", prefix: 24 },
    taps: ["abcd1234"],
    nat: true,
    resolver: { routed: true },
    firewalls: [],
  });
  expect(fake.taps.get(vm)).toEqual(tap);
  await helper.unrouteResolver();
  await helper.deleteTap(vm);
  expect(fake.calls).toEqual([
    "bridge.ensure",
    "nat.ensure",
    "tap.create abcd1234",
    "resolver.route",
    "status",
    "resolver.unroute",
    "tap.delete abcd1234",
  ]);
  helper.close();
  await expect(helper.ensureNat()).rejects.toBeInstanceOf(HelperAway);
});

test("a refusal keeps its kind, and the connection goes on", async () => {
  const fake = new FakeHelper();
  fake.refusals.set("bridge.ensure", { kind: "clash", message: "eth0 has it", free: "10.0.0.0/24" });
  const helper = await fake.connect();
  const refusal = await helper.ensureBridge("172.16.0.1", 24).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(HelperRefusal);
  expect(refusal).toMatchObject({ kind: "clash", message: "eth0 has it", free: "10.0.0.0/24" });
  await helper.ensureNat();
});

test("a helper that ends fails what waits, and says so", async () => {
  const fake = new FakeHelper();
  fake.silent.add("nat.ensure");
  const helper = await fake.connect();
  const waiting = [helper.ensureNat(), helper.status()];
  fake.end();
  const results = await Promise.allSettled(waiting);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await helper.closed).toContain("ended the connection");
});

test("without an answer in time the connection is over: the next answer would be taken for another's", async () => {
  const fake = new FakeHelper();
  fake.silent.add("nat.ensure");
  const helper = await fake.connect(20);
  await expect(helper.ensureNat()).rejects.toThrow("no answer to nat.ensure within 0.02 s");
  expect(await helper.closed).toContain("no answer");
  await expect(helper.status()).rejects.toBeInstanceOf(HelperAway);
});

/** A helper that sends these bytes as soon as it is asked. */
function asked(bytes: Uint8Array) {
  const [ours, theirs] = memoryPair();
  theirs.onClose(() => {});
  theirs.onData(() => void theirs.write(bytes));
  return helperOver(ours, 1000);
}

const status = { version: "1", pid: 7, bridge: null, taps: [], nat: true, resolver: {}, firewalls: [] };

test.each<[string, object]>([
  ["another id", { id: 9, result: {} }],
  ["no answer", { id: 1 }],
  ["another kind of error", { id: 1, error: { kind: "tired", message: "x" } }],
  ["a list", [1]],
  ["a status without a pid", { id: 1, result: { ...status, pid: "7" } }],
])("an answer that is none fails the request: %s", async (_what, answer) => {
  await expect(asked(encodeFrame(answer)).status()).rejects.toBeInstanceOf(HelperAway);
});

test("of a status nothing is taken that is not of its type", async () => {
  const taps = ["abcd1234", "../../x", 7, "ABCD1234"];
  const hostileFirewalls = ["a", { kind: "nftables", passed: 1, text: "a\u001b[2J" }, { kind: "x", text: "b" }];
  const hostile = { ...status, taps, bridge: { address: 7, prefix: 24 }, firewalls: hostileFirewalls, nat: 1 };
  const answer = encodeFrame({ id: 1, result: { ...hostile, resolver: { routed: "yes", why: ["x"] } } });
  expect(await asked(answer).status()).toEqual({
    version: "1",
    pid: 7,
    bridge: null,
    taps: ["abcd1234"],
    nat: false,
    resolver: { routed: false, why: "" },
    firewalls: [{ kind: "nftables", passed: false, text: "a" }],
  });
});

test("whatever bytes come, each request ends", async () => {
  const property = fc.asyncProperty(fc.uint8Array({ minLength: 4, maxLength: 64 }), async (bytes) => {
    // a length within the limit may be waited for
    const head = bytes.with(2, 1);
    await expect(asked(head).ensureNat()).rejects.toBeInstanceOf(HelperAway);
  });
  await fc.assert(property, { numRuns: runs(50) });
});
