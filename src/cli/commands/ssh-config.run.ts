/** `banger ssh-config`: how the user's ssh finds the VMs. */
import { fail } from "../../base/errors/error.ts";
import type { CliContext } from "../context.ts";
import { type JsonFlag, print, printJson, remark, running } from "../work.ts";

type Flags = JsonFlag & { install?: boolean | undefined; uninstall?: boolean | undefined };

export async function sshConfig(this: CliContext, flags: Flags): Promise<void> {
  await running(this, flags, async () => {
    if (flags.install && flags.uninstall)
      throw fail("USAGE", { problem: "--install and --uninstall exclude each other", next: "give one of them" });
    const ssh = await this.sshAccess();
    const path = await ssh.userConfig();
    if (flags.uninstall) {
      const changed = await ssh.uninstall();
      if (flags.json) return printJson(this, { file: path, changed });
      return remark(this, flags, changed ? `${path} is as it was\n` : `${path} has no lines of banger's\n`);
    }
    const { file, include } = await ssh.writeConfig();
    if (!flags.install) return flags.json ? printJson(this, { file, include }) : print(this, `${include}\n`);
    const changed = await ssh.install(include);
    if (flags.json) return printJson(this, { file: path, include, changed });
    remark(this, flags, `${path} ${changed ? "includes" : "already includes"} ${file}: \`ssh NAME.vm\` reaches a VM\n`);
  });
}
