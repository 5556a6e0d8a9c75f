/** Runs `bangerd root-helper` in a namespace, with a systemd that names the main process which the test wants. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deferred } from "../../base/async.ts";
import type { Running, TestNetwork } from "../../helper/testing/network.ts";
import { owner, within } from "../../helper/testing/network.ts";
import { client } from "../../helper/testing/python.ts";
import { spawnPiped } from "../../host/process/children.ts";
import { formatMetadata } from "../../model/install.ts";

export type Logged = Record<string, unknown> & { text: string };

export type TestHelper = {
  socket: string;
  /** the next line of its log that has this text, from the last call on */
  logged(text: string): Promise<Logged>;
  /** a client; `asMain`: systemd names it as the unit's main process */
  connect(options?: { asMain?: boolean; uid?: number }): Promise<HelperClient>;
  stop(signal?: NodeJS.Signals): Promise<unknown>;
};

export type HelperClient = {
  /** the answer as text; `closed` when the helper ended the connection */
  ask(request: object): Promise<string>;
  end(): void;
};

/** @param capabilities for setpriv(1)'s `--bounding-set`. @param folder others may look into it */
export async function startHelper(net: TestNetwork, folder: string, capabilities: string): Promise<TestHelper> {
  const [socket, pidFile] = [join(folder, "helper.sock"), join(folder, "main-pid")];
  writeFileSync(pidFile, "0");
  const helper = spawnPiped(within(net.space, commandLine(folder, socket, pidFile, capabilities)), {
    env: { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` },
    onStderr: (chunk) => take(chunk),
  });
  const log: Logged[] = [];
  const waiting: { text: string; found: Deferred<Logged> }[] = [];
  let rest = "";
  const take = (chunk: Uint8Array) => {
    const lines = (rest + Buffer.from(chunk).toString()).split("\n");
    rest = lines.pop() ?? "";
    log.push(...lines.map(loggedOf));
    settle();
  };
  const settle = () => {
    for (const one of waiting.splice(0)) {
      const at = log.findIndex(({ text }) => text === one.text);
      if (at < 0) waiting.push(one);
      else one.found.resolve(log.splice(0, at + 1).at(-1) as Logged);
    }
  };
  const logged = (text: string) => {
    const found = new Deferred<Logged>();
    waiting.push({ text, found });
    settle();
    const ended = helper.done.then(() => Promise.reject(new Error(`the helper ended: ${helper.stderrTail()}`)));
    return Promise.race([found.promise, ended]);
  };
  await logged("ready");
  return {
    socket,
    logged,
    async connect({ asMain = true, uid = owner } = {}) {
      return clientOf(await net.start(net.space, client, socket, asMain ? pidFile : "-", String(uid)));
    },
    async stop(signal = "SIGTERM") {
      helper.kill(signal);
      return (await helper.done).exitCode;
    },
  };
}

/** `<6>text {"field": 1}`, as `journalLogger` writes it; whatever else is printed has no fields. */
function loggedOf(line: string): Logged {
  const [, text = line, fields = "{}"] = /^<\d>(.*?)(?: (\{.*\}))?$/.exec(line) ?? [];
  return { ...JSON.parse(fields), text };
}

function commandLine(folder: string, socket: string, pidFile: string, capabilities: string): string[] {
  const metadata = join(folder, "install.json");
  const files = { bangerd: "a".repeat(64) };
  const named = { name: "owner", uid: owner, gid: owner };
  writeFileSync(metadata, formatMetadata({ owner: named, version: "1.0.0", bridge: "br-banger", files }), {
    mode: 0o644,
  });
  const systemctl = join(folder, "systemctl");
  writeFileSync(systemctl, `#!/bin/sh\n[ "$*" = "show --property=MainPID --value test.service" ] && cat ${pidFile}\n`);
  chmodSync(systemctl, 0o755);
  const program = join(import.meta.dirname, "root-helper-program.ts");
  const options = [`--metadata=${metadata}`, "--unit=test.service", `--socket=${socket}`];
  const setpriv = [
    "setpriv",
    `--regid=${owner}`,
    "--clear-groups",
    `--bounding-set=${capabilities}`,
    "--inh-caps=-all",
  ];
  return [...setpriv, process.execPath, program, ...options];
}

function clientOf({ process, lines }: Running): HelperClient {
  return {
    async ask(request) {
      await process.stdin.write(Buffer.from(`${JSON.stringify(request)}\n`));
      return String((await lines.next()).value);
    },
    end: () => process.kill("SIGKILL"),
  };
}
