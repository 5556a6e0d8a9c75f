/** `banger vm workspace prepare`. */
import { fail, isError } from "../../../base/errors/error.ts";
import { count } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { sendWorkspace } from "../../../client/workspace/send.ts";
import { guestWorkspace, type WorkspacePlan } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { type JsonFlag, printJson, remark, running, sinkOf } from "../../work.ts";
import { rememberSent } from "./remember.ts";

type Flags = JsonFlag & {
  includeUntracked?: boolean;
  branch?: string;
  withBranch?: readonly string[];
  from?: string;
  depth?: number;
};

export async function prepare(this: CliContext, flags: Flags, vm: string, folder: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const { id } = await this.api.json("showVm", { name: vm });
    const { includeUntracked, branch, from, depth, withBranch: branches } = flags;
    const { totals, root } = await cancellable(this.signals, async (signal) => {
      await using plan = await this.planWorkspace({ folder, includeUntracked, branch, branches, from, depth, signal });
      for (const note of plan.notes) sink.emit({ kind: "note", ...note });
      const { client } = await openSession(this, vm, noticePrinter(this), signal);
      try {
        await refusePresent(client, vm);
        await sendWorkspace(this, client, plan, sink.emit, signal);
      } finally {
        client.destroy();
      }
      await rememberSent(this, plan, id, sink.emit);
      if (plan.sent === null) sink.emit(noteOfFolder(plan, vm));
      return plan;
    });
    sink.done();
    if (flags.json) printJson(this, { root, path: guestWorkspace, ...totals });
    else
      remark(this, flags, `sent ${count(totals.files, "file")}, ${formatSize(totals.bytes)}, to ${guestWorkspace}\n`);
  }).finally(() => sink.done());
}

/** @throws WORKSPACE_THERE */
async function refusePresent(client: VmSession["client"], vm: string): Promise<void> {
  try {
    const stream = await client.open("put", { path: guestWorkspace, uid: 0, gid: 0 });
    stream.closed.catch(() => {});
    stream.close();
  } catch (error) {
    if (isError(error, "AGENT_REFUSED") && /: ENOENT\b/.test(String(error.details["reason"]))) return;
    if (!isError(error, "AGENT_REFUSED")) throw error;
  }
  throw fail("WORKSPACE_THERE", { name: vm, path: guestWorkspace });
}

function noteOfFolder({ name }: WorkspacePlan, vm: string) {
  const text = `${name} is no git repository: \`banger vm cp ${vm}:repo/. FOLDER\` brings its files back, \`vm workspace pull\` does not`;
  return { kind: "note", level: "info", text } as const;
}
