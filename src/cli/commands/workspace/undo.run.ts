/** `banger vm workspace undo`. */
import { count } from "../../../base/text.ts";
import { showPath } from "../../../workspace/names.ts";
import { rootOf } from "../../../workspace/pull/root.ts";
import { undoLast } from "../../../workspace/pull/undo.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, printJson, remark, running } from "../../work.ts";

export async function undo(this: CliContext, flags: JsonFlag, folder = "."): Promise<void> {
  await running(this, flags, async () => {
    const { deps, applied } = await this.pullHost();
    const { root, vm, paths, wasInterrupted } = await undoLast(applied, rootOf(folder, deps.home));
    if (flags.json) return printJson(this, { root, vm, paths: paths.map(showPath), wasInterrupted });
    const what = wasInterrupted ? "an interrupted pull" : "the last pull";
    remark(this, flags, `took back ${what} from ${vm}: ${count(paths.length, "file")} in ${root} as before\n`);
  });
}
