/** The real agent on a unix socket of the host, for one test. */
import * as fs from "node:fs";
import { Deferred } from "../../../base/async.ts";
import { errnoOf } from "../../../host/errno.ts";
import { watchFolder } from "../../../host/files/folder-watch.ts";
import { connectUnix } from "../../../host/net/socket.ts";
import { type PipedProcess, spawnPiped } from "../../../host/process/children.ts";
import { agentBinary } from "../../../host/testing/gate.ts";
import { tempFolder } from "../../../host/testing/temp.ts";
import { connectAgent } from "../client.ts";
import type { AgentClient, AgentStream, Json } from "../types.ts";

export type Served = (connect: (resync: boolean) => Promise<AgentClient>, folder: string) => Promise<void>;

/** @param more further arguments, which can name paths in the test's folder */
export async function served(use: Served, more: (folder: string) => string[] = () => []) {
  using folder = tempFolder("agent");
  const path = `${folder.path}/a`;
  const agent = spawnPiped([agentBinary() ?? "", "serve", "--unix", path, ...more(folder.path)]);
  try {
    await untilItServes(agent, folder.path, path);
    await use(async (resync) => connectAgent(await connectUnix(path), { resync, timeoutMs: 5000 }), folder.path);
  } finally {
    agent.kill("SIGKILL");
    await agent.done;
  }
}

/** Resolves once the agent takes connections at `path`, in `folder`. */
export async function untilItServes(agent: PipedProcess, folder: string, path: string): Promise<void> {
  const listening = new Deferred<void>();
  const look = () => fs.existsSync(path) && listening.resolve();
  const watch = watchFolder(folder, look);
  look();
  void agent.done.then(() => listening.reject(new Error(agent.stderrTail())));
  try {
    await listening.promise;
    await accepting(path);
  } finally {
    watch.close();
  }
}

/** bind(2) creates the file, but listen(2) follows a moment later, without an event. */
async function accepting(path: string): Promise<void> {
  for (;;) {
    try {
      return (await connectUnix(path)).destroy();
    } catch (error) {
      if (errnoOf(error) !== "ECONNREFUSED") throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

export type Ran = { stdout: Buffer; stderr: string; exit: Json | null };

/** Feeds a stream and reads it to its end. */
export async function run(stream: AgentStream, input: Iterable<Uint8Array> = []): Promise<Ran> {
  const chunks: [Uint8Array[], Uint8Array[]] = [[], []];
  let exit: Json | null = null;
  stream.onData((channel, data) => void chunks[channel === 2 ? 1 : 0].push(new Uint8Array(data)));
  stream.onEvent((event) => {
    exit = event;
  });
  for (const chunk of input) await stream.write(0, chunk);
  stream.eof(0);
  await stream.closed;
  return { stdout: Buffer.concat(chunks[0]), stderr: Buffer.concat(chunks[1]).toString(), exit };
}
