/** `banger snapshot delete`. */
import { fail } from "../../../base/errors/error.ts";
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import { type JsonFlag, running } from "../../work.ts";
import { findSnapshot } from "./find.ts";

export async function remove(this: CliContext, flags: JsonFlag, vm: string, ...names: string[]): Promise<void> {
  if (names.length === 0) {
    const next = `name them, as in \`banger snapshot delete ${vm} s1\`; \`banger snapshot list ${vm}\` shows them`;
    return running(this, flags, () => Promise.reject(fail("USAGE", { problem: "no snapshot was given", next })));
  }
  await each(this, flags, names, {
    one: async (name) => this.api.json("deleteSnapshot", { name: (await findSnapshot(this, vm, name)).id }),
    done: (_snapshot, name) => `${name} of ${vm} is deleted`,
  });
}
