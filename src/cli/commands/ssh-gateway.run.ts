/** `banger ssh-gateway`: what ssh(1) runs for the VMs (ProxyCommand): it serves ssh on stdin and stdout. */
import { fail } from "../../base/errors/error.ts";
import { isVmName } from "../../base/names.ts";
import { openSession } from "../../client/session/open.ts";
import { sshGuest } from "../../client/session/ssh-guest.ts";
import { cancellable } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { linePrinter, noticePrinter } from "../vm-notices.ts";
import { running } from "../work.ts";

export async function sshGateway(this: CliContext, _flags: object, host: string, key?: string): Promise<void> {
  await running(this, {}, async () => {
    const name = host.replace(/\.vm$/, "");
    if (!isVmName(name)) throw fail("VM_NOT_FOUND", { name });
    const opening = cancellable(this.signals, (signal) => openSession(this, name, noticePrinter(this), signal));
    // the ssh handshake runs meanwhile, and is broken off if the session can't be opened
    const serving = this.sshAccess().then((access) =>
      access.serve(sshGuest(this, opening), { admits: key, say: linePrinter(this) }),
    );
    try {
      await Promise.race([serving, opening.then(() => serving)]);
    } finally {
      opening.then(
        ({ client }) => client.destroy(),
        () => {},
      );
    }
  });
}
