import { expect, test } from "bun:test";
import { macOf } from "../model/bridge.ts";
import { networkIdentity, parseResolvConf } from "./plan.ts";

test.each([
  ["", [], []],
  ["nameserver 9.9.9.9\nnameserver 1.1.1.1\n", ["9.9.9.9", "1.1.1.1"], []],
  ["nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan corp.example\n", ["127.0.0.53"], ["lan", "corp.example"]],
  ["# nameserver 1.1.1.1\n; nameserver 2.2.2.2\nnameserver 3.3.3.3 # mine\n", ["3.3.3.3"], []],
  ["nameserver fe80::1%eth0\nnameserver 300.1.1.1\n", [], []],
  ["search a\ndomain b.example\n", [], ["b.example"]],
  ["search . -bad ok.example x;rm\n", [], ["ok.example", "x"]],
  ["search 1 2 3 4 5 6 7 8\n", [], ["1", "2", "3", "4", "5", "6"]],
])("resolv.conf %p", (text, servers, search) => {
  expect(parseResolvConf(text)).toEqual({ servers, search });
});

test("a VM's MAC is derived from its id, locally administered and unicast", () => {
  expect(macOf("abcd1234")).toBe(macOf("abcd1234"));
  expect(macOf("abcd1234")).not.toBe(macOf("abcd1235"));
  expect(macOf("abcd1234")).toMatch(/^02(?::[0-9a-f]{2}){5}$/);
});

test("the guest's resolver is never the host's own", () => {
  const identity = networkIdentity("abcd1234", "nameserver 127.0.0.53\nsearch lan\n");
  expect(identity).toMatchObject({
    address: "192.0.2.15",
    prefix: 24,
    gateway: "192.0.2.2",
    window: 131072,
    dns: ["192.0.2.3"],
    search: ["lan"],
  });
});
