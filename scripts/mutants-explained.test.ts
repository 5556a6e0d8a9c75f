import { expect, test } from "bun:test";
import { mutantFiles } from "./mutant-files.ts";
import { explained } from "./mutants-explained.ts";

test("each explained change is of a file that is changed, and has a reason", () => {
  for (const [file, changes] of Object.entries(explained)) {
    expect(Object.keys(mutantFiles)).toContain(file);
    for (const [what, reason] of Object.entries(changes)) {
      expect(what).toMatch(/^removed: | {2}-> {2}/);
      expect(reason.length).toBeGreaterThan(20);
    }
  }
});
