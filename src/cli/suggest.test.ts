import { expect, test } from "bun:test";
import { suggestCommand } from "./suggest.ts";

const paths = [
  ["vm", "run"],
  ["vm", "start"],
  ["vm", "list"],
  ["vm", "ls"],
  ["image", "list"],
  ["image", "build"],
  ["daemon", "status"],
  ["doctor"],
];

const rows: [typed: string, meant: string | null][] = [
  ["vm strat", "vm start"],
  ["vm lst", "vm list"],
  ["image biuld", "image build"],
  ["vm frobnicate", null],
  ["run", "vm run"],
  ["ls", "vm ls"],
  ["list", "vm list"],
  ["build", "image build"],
  ["docter", "doctor"],
  ["imgae", "image"],
  ["strat", "vm start"],
  ["qqqqqq", null],
  ["", null],
];

for (const [typed, meant] of rows) {
  test(`"${typed}" probably means ${meant}`, () => expect(suggestCommand(paths, typed.split(" "))).toBe(meant));
}
