/** `banger vm docker`: the line that makes the host's docker client talk to a guest's Docker. */
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, running } from "../../work.ts";

/**
 * Over ssh, as docker does it by itself (`docker context create`, `ssh://`): the client runs `docker system dial-stdio` in the guest. A
 * socket forwarded by the daemon would be one more way in that other programs of the user could find.
 */
export async function docker(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  await running(this, flags, async () => {
    const vm = await this.api.json("showVm", { name });
    const context = `banger-${vm.name}`;
    const host = `ssh://root@${vm.name}.vm`;
    const line = `docker context create ${context} --docker host=${host}`;
    if (flags.json) return printJson(this, { context, host, command: line });
    print(this, `${line}\n`);
    remark(
      this,
      flags,
      `then \`docker --context ${context} ps\`; ssh has to know ${vm.name}.vm for it: \`banger ssh-config --install\`, once\n`,
    );
  });
}
