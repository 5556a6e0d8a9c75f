/** A command under the real agent, whose daemon ends again and again. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { clientVerbs } from "../../api/types.ts";
import { randomBytes } from "../../host/random.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "../../wire/agent/client.ts";
import { relayAgent } from "../../wire/agent/relay.ts";
import { served } from "../../wire/agent/testing/served-agent.ts";
import type { AgentClient, Json } from "../../wire/agent/types.ts";
import { openCommand } from "./command-stream.ts";

const need = "tool:banger-vsock-agent";
const losses = 15;
const size = 6 * 1024 * 1024;

gatedTest(need, "no byte is lost or repeated, whenever the daemon ends", () =>
  served(async (connect) => {
    let upstream: AgentClient | null = null;
    let left = losses;
    const reopen = async (): Promise<AgentClient> => {
      const [ours, theirs] = memoryPair();
      const session = await connect(false);
      upstream = session;
      void relayAgent(theirs, session, { allow: clientVerbs });
      return plainClient(ours, "devbox");
    };
    const argv = ["sh", "-c", "tee /dev/stderr; exit 7"];
    const command = await openCommand(
      await reopen(),
      { argv, cwd: "/" },
      { signal: AbortSignal.timeout(60_000), reopen },
    );
    const hashes = [createHash("sha256"), createHash("sha256")] as const;
    let seen = 0;
    const events: Json[] = [];
    command.onEvent((event) => void events.push(event));
    command.onData(async (channel, data) => {
      hashes[channel === 2 ? 1 : 0].update(data);
      seen += data.length;
      if (left > 0 && seen > ((losses - left + 1) * 2 * size) / (losses + 1)) {
        left -= 1;
        upstream?.destroy();
      }
      await new Promise((resolve) => setImmediate(resolve));
    });
    const input = randomBytes(size);
    for (let at = 0; at < size; at += 50_001) await command.write(0, input.subarray(at, at + 50_001));
    command.eof(0);
    await command.closed;
    const whole = createHash("sha256").update(input).digest("hex");
    expect([events, left]).toEqual([[{ event: "exit", code: 7 }], 0]);
    expect(hashes.map((hash) => hash.digest("hex"))).toEqual([whole, whole]);
  }),
);
