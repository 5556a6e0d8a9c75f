import { expect, test } from "bun:test";
import { type DnsFact, dns } from "./dns.ts";

const fact = (change: Partial<DnsFact>): DnsFact => ({
  address: "172.16.0.1",
  server: "right",
  resolved: ["172.16.0.1"],
  ...change,
});

test("without system mode there is nothing to say", () => expect(dns({ dns: null })).toEqual([]));

test.each([
  ["all is well", {}, "ok", /looked up at 172\.16\.0\.1$/, undefined],
  ["an address more", { resolved: ["192.0.2.1", "172.16.0.1"] }, "ok", /looked up at/, undefined],
  ["no route", { resolved: [] }, "warning", /resolver finds no name below \.vm/, /dns-routing\.md/],
  ["another's .vm", { resolved: ["192.0.2.1"] }, "warning", /resolver has 192\.0\.2\.1 for/, /dns-routing\.md/],
  ["no server", { server: "none" }, "failure", /nothing answers .* at 172\.16\.0\.1 port 53/, /system restart/],
  ["no server, and a cached answer", { server: "none", resolved: ["172.16.0.1"] }, "failure", /nothing answers/, /./],
  ["another server", { server: "other", resolved: [] }, "failure", /a program other than the daemon/, /sport = :53/],
] as [string, Partial<DnsFact>, string, RegExp, RegExp | undefined][])("%s: %o: %s", (_, change, status, text, fix) => {
  const [finding, ...more] = dns({ dns: fact(change) });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ name: "dns", status, text: expect.stringMatching(text) });
  if (fix === undefined) expect(finding?.fix).toBeUndefined();
  else expect(finding?.fix).toMatch(fix);
});
