/** Runs shell commands in the guest of a test. */
import type { AgentClient } from "../../wire/agent/types.ts";

/** Resolves with the stdout of a shell command when it has ended. Gives the guest an identity first if it has none. */
export async function guestShell(
  agent: AgentClient,
  command: string,
  network?: Record<string, unknown>,
): Promise<string> {
  if (!identified.has(agent) && agent.hello?.phase === "boot") await identify(agent, network);
  identified.add(agent);
  const stream = await agent.open("exec", { argv: ["/bin/sh", "-c", command] });
  const chunks: Uint8Array[] = [];
  stream.onData((channel, data) => {
    if (channel === 1) chunks.push(data.slice());
  });
  stream.eof(0);
  await stream.closed;
  return Buffer.concat(chunks).toString();
}

const identified = new WeakSet<AgentClient>();

async function identify(agent: AgentClient, network: Record<string, unknown> | undefined): Promise<void> {
  const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
  await agent.open("identity", { generation: 1, hostname: "tiny", ...(network && { network }) });
  await up;
}
