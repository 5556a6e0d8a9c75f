import { expect, test } from "bun:test";
import { resolvedCommand, type UserDnsFact, userDns } from "./user-dns.ts";

type Change = Partial<Omit<UserDnsFact, "tried" | "reported">> & {
  reported?: Partial<UserDnsFact["reported"]>;
  tried?: Partial<UserDnsFact["tried"]> | null;
};
const fact = ({ reported, tried, ...change }: Change): UserDnsFact => ({
  configured: 42_069,
  usesResolved: false,
  ...change,
  reported: { asked: 42_069, port: 42_069, problem: null, ...reported },
  tried: tried === null ? null : { address: "127.0.0.1", server: "right", resolved: [], ...tried },
});

test("in system mode, and without a daemon, there is nothing to say", () => {
  expect(userDns({ userDns: null })).toEqual([]);
});

const moved = { port: 42_070 };
const routed = { resolved: ["127.0.0.1"] };
test.each([
  ["a route", { tried: routed }, "ok", /at 127\.0\.0\.1 port 42069, and this host's resolver asks there$/, undefined],
  ["no route", {}, "ok", /port 42069; .* lines of docs\/dns-routing\.md$/, undefined],
  [
    "no route, resolved",
    { usesResolved: true },
    "ok",
    /port 42069; .*DNS=127\.0\.0\.1:42069\\nDomains=~vm.* \(docs\/dns-routing\.md\)$/,
    undefined,
  ],
  ["off", { configured: 0, reported: { asked: 0, port: null }, tried: null }, "ok", /dns_port is 0$/, undefined],
  ["another port", { reported: moved }, "ok", /port 42070, because port 42069 is taken; /, undefined],
  [
    "another port, and a route",
    { reported: moved, tried: routed },
    "warning",
    /perhaps the one at port 42069$/,
    /`dns_port`/,
  ],
  ["another's .vm", { tried: { resolved: ["192.0.2.1"] } }, "warning", /has 192\.0\.2\.1 for/, /dns-routing\.md/],
  ["no answer", { tried: { server: "none" } }, "warning", /does not answer .* port 42069/, /daemon stop/],
  ["a stranger's", { tried: { server: "other" } }, "warning", /does not answer/, /daemon stop/],
  ["no port", { reported: { port: null, problem: "x is y" }, tried: null }, "warning", /: x is y$/, /`dns_port`/],
  ["a new config", { configured: 5353 }, "warning", /dns_port = 42069, and the config has 5353/, /daemon stop/],
] as [string, Change, string, RegExp, RegExp | undefined][])("%s: %o: %s", (_, change, status, text, fix) => {
  const [finding, ...more] = userDns({ userDns: fact(change) });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ name: "dns", status, text: expect.stringMatching(text) });
  if (fix === undefined) expect(finding?.fix).toBeUndefined();
  else expect(finding?.fix).toMatch(fix);
});

test("what to type for systemd-resolved", () => {
  expect(resolvedCommand(42_070)).toBe(
    "sudo mkdir -p /etc/systemd/resolved.conf.d && " +
      "printf '[Resolve]\\nDNS=127.0.0.1:42070\\nDomains=~vm\\n' | sudo tee /etc/systemd/resolved.conf.d/banger.conf && " +
      "sudo systemctl restart systemd-resolved",
  );
});
