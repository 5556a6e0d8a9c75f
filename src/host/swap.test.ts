import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { hasSwap } from "./swap.ts";
import { tempFolder } from "./testing/temp.ts";

const heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

test("swap is on when /proc/swaps lists an area, or can't be read", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/swaps`;
  writeFileSync(file, heading);
  expect(await hasSwap(file)).toBe(false);
  writeFileSync(file, `${heading}/dev/zram0 partition\t\t4000\t\t0\t\t100\n`);
  expect(await hasSwap(file)).toBe(true);
  expect(await hasSwap(`${folder.path}/none`)).toBe(true);
});
