import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mutantFiles } from "./mutant-files.ts";
import { explained } from "./mutants-explained.ts";
import { mutationsOf } from "./mutations.ts";

test("each explained change can be made, in a file that is changed, and has a reason", () => {
  for (const [file, changes] of Object.entries(explained)) {
    expect(Object.keys(mutantFiles)).toContain(file);
    const possible = mutationsOf(readFileSync(join(import.meta.dirname, "..", file), "utf8")).map(({ what }) => what);
    for (const [what, reason] of Object.entries(changes)) {
      expect(possible).toContain(what);
      expect(reason.length).toBeGreaterThan(20);
    }
  }
});
