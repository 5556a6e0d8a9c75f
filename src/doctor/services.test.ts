import { expect, test } from "bun:test";
import { type ServicesFact, services } from "./services.ts";

type Installed = Exclude<ServicesFact, { problem: string }>;
const unit = (name: string, change = {}) => ({ name, active: "active", enabled: "enabled", ...change });
const helper = unit("bangerd-root.service");
const good: Installed = {
  version: "1.0.0",
  units: [helper, unit("bangerd.service")],
  programs: { banger: "as installed", bangerd: "as installed" },
  interrupted: false,
};
const of = (fact: ServicesFact | null) => services({ services: fact });

test("without system mode there is nothing to say, and a good one is one line", () => {
  expect(of(null)).toEqual([]);
  const text = "bangerd-root.service and bangerd.service are active, and version 1.0.0 is as installed";
  expect(of(good)).toEqual([{ name: "services", status: "ok", text }]);
});

test.each([
  [
    "a unit that failed",
    { units: [unit("bangerd.service", { active: "failed" })] },
    "failure",
    /^bangerd.service is failed$/,
    /restart.*sudo journalctl -u bangerd.service/,
  ],
  [
    "a unit, and no systemd",
    { units: [unit("bangerd.service", { active: "" })] },
    "failure",
    /^bangerd.service is unknown to systemd$/,
    /restart/,
  ],
  [
    "a unit that boot leaves out",
    { units: [unit("bangerd.service", { enabled: "disabled" })] },
    "warning",
    /at boot: it is disabled/,
    /systemctl enable bangerd.service/,
  ],
  [
    "a changed program",
    { programs: { bangerd: "changed" } },
    "failure",
    /^bangerd is not the program that was/,
    /system install/,
  ],
  ["a missing program", { programs: { bangerd: "missing" } }, "failure", /^bangerd is missing$/, /system install/],
  ["an interrupted install", { interrupted: true }, "warning", /interrupted/, /finishes it/],
] as [string, Partial<Installed>, string, RegExp, RegExp][])("%s", (_, change, status, text, fix) => {
  const matching = { text: expect.stringMatching(text), fix: expect.stringMatching(fix) };
  expect(of({ ...good, ...change })).toEqual([{ name: "services", status, ...matching } as never]);
});

test("each thing that is wrong is a line", () => {
  expect(of({ ...good, units: [unit("a", { active: "inactive" }), helper], interrupted: true })).toHaveLength(2);
});

test("damaged metadata are a failure that says where commands go", () => {
  const fact = { problem: "/etc/banger/install.json can't be trusted: x", fix: "do it", isIgnored: true };
  expect(of(fact)).toEqual([
    { name: "services", status: "failure", text: expect.stringMatching(/trusted: x; .*your own daemon/), fix: "do it" },
  ]);
  expect(of({ ...fact, isIgnored: false })[0]?.text).toBe(fact.problem);
});
