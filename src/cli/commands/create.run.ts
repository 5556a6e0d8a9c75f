/** `banger vm create`: everything is decided and made; nothing runs. */
import type { CreateVm } from "../../api/types.ts";
import type { VmView } from "../../model/vm.ts";
import { cancellable } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { withArtifacts } from "../obtain.ts";
import { printJson, running, sinkOf, warnRoot } from "../work.ts";
import { type CreateFlags, createRequest } from "./create-flags.ts";

export async function create(this: CliContext, flags: CreateFlags): Promise<void> {
  await running(this, flags, async () => {
    const sink = sinkOf(this, flags);
    warnRoot(this, sink);
    const request: CreateVm = createRequest(this, flags);
    const vm = await cancellable(this.signals, (signal) =>
      withArtifacts(
        this,
        sink.emit,
        signal,
        async () => (await this.api.work<VmView>("POST", "/v1/vms", request, sink.emit, signal)).value,
      ),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, vm);
    else this.process.stdout.write(`${vm.name}\n`);
  });
}
