import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { goodHost } from "../cli/testing/cli.ts";
import type { CheckFacts } from "./facts.ts";
import { vmms } from "./vmm.ts";

const firecracker = { program: "/usr/bin/firecracker", version: "1.14.1", caution: null, install: "download it" };
const missing = { why: "firecracker is not installed", fix: "download it" };
const shown = (change: Partial<CheckFacts>) =>
  vmms({ ...goodHost, ...change }).map(({ name, status, text, fix }) =>
    [`${status} ${name}: ${text}`, ...(fix === undefined ? [] : [fix])].join(" | "),
  );

test("a host with QEMU alone is fine, and is told how to get Firecracker", () => {
  expect(shown({})).toEqual([
    "ok vmm: QEMU emulator version 8.2.2 runs new VMs",
    "ok firecracker: firecracker is not installed; VMs run on QEMU; to have it, download it",
  ]);
});

test("a host with both", () => {
  expect(shown({ firecracker })).toEqual([
    "ok vmm: Firecracker 1.14.1 runs new VMs, and QEMU emulator version 8.2.2 those that it can't run",
    "ok firecracker: /usr/bin/firecracker is version 1.14.1",
  ]);
});

test("a version outside the tested range is a warning", () => {
  const other = { ...firecracker, version: "1.16.0", caution: "banger is tested with 1.14.1" };
  expect(shown({ firecracker: other })[1]).toBe(
    "warning firecracker: /usr/bin/firecracker is version 1.16.0: banger is tested with 1.14.1 | download it",
  );
});

test("without QEMU, what Firecracker can't run has no VMM; without both there is none", () => {
  expect(shown({ firecracker, qemu: null })).toEqual([
    "ok vmm: Firecracker 1.14.1 runs new VMs",
    "ok firecracker: /usr/bin/firecracker is version 1.14.1",
    "warning qemu: qemu-system-x86_64 is not installed; VMs that Firecracker can't run have no VMM | install QEMU",
  ]);
  expect(shown({ qemu: null })).toEqual([
    "failure vmm: qemu-system-x86_64 is not installed | install QEMU",
    "ok firecracker: firecracker is not installed; to have it, download it",
  ]);
});

test("the one that the config names runs new VMs, or none does", () => {
  expect(shown({ vmm: "qemu", firecracker })).toEqual([
    "ok vmm: QEMU emulator version 8.2.2 runs new VMs, as the config says",
  ]);
  expect(shown({ vmm: "firecracker", firecracker })[0]).toBe(
    "ok vmm: Firecracker 1.14.1 runs new VMs, as the config says",
  );
  expect(shown({ vmm: "firecracker", firecracker: missing })).toEqual([
    "failure vmm: firecracker is not installed, and the config names it: no new VM starts | download it; or remove `vmm` from the config",
  ]);
  expect(shown({ vmm: "qemu", qemu: null })[0]).toStartWith(
    "failure vmm: qemu-system-x86_64 is not installed, and the config names it",
  );
});

test("docs/firecracker.md shows what doctor prints, case by case", () => {
  const page = readFileSync(new URL("../../docs/firecracker.md", import.meta.url), "utf8");
  const other = { ...firecracker, version: "1.16.0", caution: "banger is tested with 1.14.1" };
  const cases: Partial<CheckFacts>[] = [{}, { firecracker }, { firecracker: other }, { vmm: "firecracker" }];
  const marks = { ok: "ok  ", warning: "warn", failure: "FAIL" };
  const printed = cases.map((change) =>
    vmms({ ...goodHost, ...change })
      .map(({ name, status, text, fix }) => `${marks[status]}  ${name}: ${text}\n${fix ? `      ${fix}\n` : ""}`)
      .join(""),
  );
  expect([...page.matchAll(/^```text\n(.*?)```$/gms)].map(([, block]) => block)).toEqual(printed);
});
