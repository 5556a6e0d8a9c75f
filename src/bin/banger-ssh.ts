/** ssh from this host, for the CLI: the gateway's keys, and the files of the user's ssh client. The service never writes them. */
import { dirname, join } from "node:path";
import { fail } from "../base/errors/error.ts";
import type { SshAccess } from "../cli/context.ts";
import type { DaemonPlace } from "../client/connect.ts";
import { absolutePath } from "../config/home-path.ts";
import { which } from "../host/facts.ts";
import { ensureFolder, readTextIfAny, realPath, writeAtomic } from "../host/files/files.ts";
import { editUserFile } from "../host/files/user-file.ts";
import { missingTool } from "../host/packages.ts";
import { become } from "../host/process/become.ts";
import { stdioDuplex } from "../host/terminal/stdio-duplex.ts";
import type { Terminal } from "../host/terminal/terminal.ts";
import { type Paths, pathsOf, systemPaths, systemRoots } from "../model/paths.ts";
import { clientConfigText, gatewayKnownHosts } from "../ssh/client-config.ts";
import { withBlock, withoutBlock } from "../ssh/config-block.ts";
import { publicHalf, readPublicHalf } from "../ssh/key-file.ts";
import { ensureUserKey } from "../ssh/keys.ts";

/** of a key, and of the files that are written here */
const maxBytes = 16 * 1024;

export type SshFacts = {
  home: string;
  /** the daemon that commands use */
  place: DaemonPlace;
  /** of this user, whatever daemon is used */
  own: Paths;
  stdio: Pick<Terminal, "readInput" | "write">;
};

export function sshAccess({ home, place, own, stdio }: SshFacts): SshAccess {
  const { sshKey } = place.owner ? pathsOf(systemRoots(home)) : own;
  const userConfig = join(home, ".ssh/config");
  const edit = (change: (text: string | null) => { text: string | null } | { problem: string }) =>
    editUserFile(userConfig, (text) => {
      const changed = change(text);
      if (!("problem" in changed)) return changed.text;
      const next = "take banger's lines out of it by hand, with their marks, and run the command again";
      throw fail("FILE_INVALID", { path: userConfig, problem: changed.problem, next });
    });
  const identity = async () => {
    const { loadConfig } = await import("../config/load.ts");
    const { sshKeyPath } = await loadConfig({ file: own.configFile });
    if (sshKeyPath === null) {
      await ensureUserKey({}, { sshKey });
      return { identity: sshKey, admits: null };
    }
    const path = absolutePath(sshKeyPath, home);
    await readPublicHalf(publicHalf(path));
    return { identity: path, admits: publicHalf(path) };
  };
  const writeConfig = async () => {
    const gateway = await ensureUserKey({ comment: "banger-gateway" }, { sshKey: own.gatewayKey });
    const file = own.sshConfig;
    await keepText(own.gatewayKnownHosts, gatewayKnownHosts(gateway.publicLine));
    const facts = { program: stableProgram(), ...(await identity()), knownHosts: own.gatewayKnownHosts };
    await keepText(file, clientConfigText(facts));
    return { file, include: includeLine(file, home) };
  };
  return {
    async serve(guest, { admits, say }) {
      const [{ serveSsh }, hostKey, key] = await Promise.all([
        import("../ssh/gateway/serve.ts"),
        readHostKey(own.gatewayKey),
        readPublicHalf(admits ?? `${sshKey}.pub`),
      ]);
      await serveSsh(stdioDuplex(stdio), { hostKey, accepted: [key.line], guest, say });
    },
    writeConfig,
    async connect(words) {
      const program = await which("ssh");
      if (program === null) throw fail("TOOL_MISSING", { tool: "ssh", ...missingTool("ssh") });
      const { file } = await writeConfig();
      return become(program, ["ssh", "-F", file, ...words]);
    },
    install: (include) => edit((text) => withBlock(text, [include])),
    uninstall: () => edit((text) => (text === null ? { text } : withoutBlock(text))),
    userConfig: () => realPath(userConfig).catch(() => userConfig),
  };
}

/** Writes the file unless it has that text. */
async function keepText(path: string, text: string): Promise<void> {
  const known = await readTextIfAny(path, maxBytes).catch(() => null);
  if (known === text) return;
  await ensureFolder(dirname(path), 0o700);
  await writeAtomic(path, text, 0o600);
}

async function readHostKey(path: string): Promise<string> {
  const text = await readTextIfAny(path, maxBytes);
  if (text === null) throw fail("FILE_INVALID", { path, problem: "is missing", next: "`banger ssh-config` makes it" });
  return text;
}

/** Below the home as ssh_config(5) writes it, so that it stays right where homes move. */
function includeLine(file: string, home: string): string {
  const path = file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
  return `Include ${/[\s"]/.test(path) ? `"${path}"` : path}`;
}

/** Path of this program; of an installed one the link that the next version gets, too. */
function stableProgram(): string {
  const { current, programs } = systemPaths();
  return process.execPath.startsWith(`${programs}/`) ? `${current}/banger` : process.execPath;
}
