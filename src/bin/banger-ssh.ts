/** ssh from this host, for the CLI: the gateway's keys, and the files of the user's ssh client. The service never writes them. */
import { dirname, join } from "node:path";
import { fail } from "../base/errors/error.ts";
import type { SshGuest } from "../client/session/ssh-guest.ts";
import { ensureFolder, readTextIfAny, realPath, writeAtomic } from "../host/files/files.ts";
import { editUserFile } from "../host/files/user-file.ts";
import { stdioDuplex } from "../host/terminal/stdio-duplex.ts";
import type { Terminal } from "../host/terminal/terminal.ts";
import type { Paths } from "../model/paths.ts";
import { clientConfigText, gatewayKnownHosts } from "../ssh/client-config.ts";
import { withBlock, withoutBlock } from "../ssh/config-block.ts";
import { ensureUserKey } from "../ssh/keys.ts";

export type SshFacts = {
  home: string;
  /** of this user, whatever daemon is used */
  own: Paths;
  /** of the daemon that commands use */
  used: Paths;
  /** path that stays right over upgrades */
  program: string;
  stdio: Pick<Terminal, "readInput" | "write">;
};

export function sshAccess({ home, own, used, program, stdio }: SshFacts) {
  const userConfig = join(home, ".ssh/config");
  const edit = (change: (text: string | null) => { text: string | null } | { problem: string }) =>
    editUserFile(userConfig, (text) => {
      const changed = change(text);
      if (!("problem" in changed)) return changed.text;
      const next = "take banger's lines out of it by hand, with their marks, and run the command again";
      throw fail("FILE_INVALID", { path: userConfig, problem: changed.problem, next });
    });
  return {
    /** Answers ssh on stdin and stdout until the client has gone. */
    async serve(guest: SshGuest): Promise<void> {
      const { serveSsh } = await import("../ssh/gateway/serve.ts");
      await ensureUserKey({ comment: "banger-gateway" }, { sshKey: own.gatewayKey });
      const [hostKey, key] = await Promise.all([readKey(own.gatewayKey), readKey(`${used.sshKey}.pub`)]);
      await serveSsh(stdioDuplex(stdio), { hostKey, accepted: [key], guest });
    },
    /** Writes the configuration of ssh for the VMs. @returns its path, and the line that includes it */
    async writeConfig(): Promise<{ file: string; include: string }> {
      const gateway = await ensureUserKey({ comment: "banger-gateway" }, { sshKey: own.gatewayKey });
      await ensureUserKey({}, used);
      const file = own.sshConfig;
      await Promise.all([dirname(file), dirname(own.gatewayKnownHosts)].map((folder) => ensureFolder(folder, 0o700)));
      await writeAtomic(own.gatewayKnownHosts, gatewayKnownHosts(gateway.publicLine), 0o600);
      const facts = { program, identity: used.sshKey, knownHosts: own.gatewayKnownHosts };
      await writeAtomic(file, clientConfigText(facts), 0o600);
      return { file, include: includeLine(file, home) };
    },
    /** @returns whether the user's configuration has changed */
    install: (include: string): Promise<boolean> => edit((text) => withBlock(text, [include])),
    /** @returns whether the user's configuration has changed */
    uninstall: (): Promise<boolean> => edit((text) => (text === null ? { text } : withoutBlock(text))),
    userConfig: () => realPath(userConfig).catch(() => userConfig),
  };
}

async function readKey(path: string): Promise<string> {
  const text = await readTextIfAny(path, 16 * 1024);
  if (text === null) throw fail("FILE_INVALID", { path, problem: "is missing", next: "run `banger ssh-config`" });
  return text;
}

/** Below the home as ssh_config(5) writes it, so that it stays right where homes move. */
function includeLine(file: string, home: string): string {
  const path = file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
  return `Include ${/[\s"]/.test(path) ? `"${path}"` : path}`;
}
