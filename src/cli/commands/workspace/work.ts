/** The work in a VM's workspace, taken out, checked and compared: what the commands of `vm workspace` begin with. */
import { fail } from "../../../base/errors/error.ts";
import type { VmId } from "../../../base/names.ts";
import { openSession } from "../../../client/session/open.ts";
import { scriptOutput } from "../../../client/workspace/ask-work.ts";
import type { Emit } from "../../../model/event.ts";
import { guestScript, scriptExit } from "../../../workspace/pull/guest-script.ts";
import { openHost, questionTo } from "../../../workspace/pull/host-repository.ts";
import { type Received, receiveWork } from "../../../workspace/pull/receive.ts";
import { type BranchWork, branchWork, type Judged, judgedChanges } from "../../../workspace/pull/work.ts";
import { guestWorkspace } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { noticePrinter } from "../../vm-notices.ts";

export type Work = {
  vm: string;
  received: Received;
  /** uncommitted */
  changes: Judged[];
  branches: BranchWork[];
};

/**
 * Calls `use` with the work of a running VM; a suspended one is woken.
 * @throws WORKSPACE_NOT_SENT, WORKSPACE_PULL, WORKSPACE_PULL_UNSAFE, WORKSPACE_GIT, VM_NOT_FOUND, VM_STATE
 */
export async function withWork<T>(
  context: CliContext,
  vm: string,
  emit: Emit,
  use: (work: Work) => Promise<T>,
): Promise<T> {
  const { id } = await context.api.json("showVm", { name: vm });
  return cancellable(context.signals, (signal) => takeWork(context, { vm, id }, emit, signal, use));
}

async function takeWork<T>(
  context: CliContext,
  { vm, id }: { vm: string; id: VmId },
  emit: Emit,
  signal: AbortSignal,
  use: (work: Work) => Promise<T>,
): Promise<T> {
  const { deps, records } = await context.pullHost();
  const sent = await records.read(id);
  if (sent === null) throw fail("WORKSPACE_NOT_SENT", { name: vm });
  const host = await openHost(deps, sent, vm, signal);
  try {
    const session = await openSession(context, vm, noticePrinter(context), signal);
    const received = await (async () => {
      const text = `looking at ${guestWorkspace} in ${vm}`;
      emit({ kind: "progress", step: "workspace", text });
      const script = { text: guestScript, ...questionTo(host), cwd: guestWorkspace, vm, exits: exitsOf(vm) };
      const output = scriptOutput(session.client, script, signal);
      return receiveWork(host, output);
    })().finally(() => session.client.destroy());
    return await use({
      vm,
      received,
      changes: await judgedChanges(received),
      branches: await branchWork(received, vm),
    });
  } finally {
    await host.dispose();
  }
}

function exitsOf(vm: string) {
  const copy = `copy files with \`banger vm cp ${vm}:repo/FILE .\``;
  return {
    [scriptExit.noGit]: () =>
      fail("WORKSPACE_PULL", { problem: "the guest has no git", next: `install git there, or ${copy}` }),
    [scriptExit.noRepository]: () =>
      fail("WORKSPACE_PULL", { problem: `${guestWorkspace} in the guest is no git repository`, next: copy }),
    127: () => fail("WORKSPACE_PULL", { problem: "the guest lacks a program that is needed", next: copy }),
  };
}
