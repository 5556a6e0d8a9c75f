/** The client's side of the agent route: upgrade by hand, then a connection of frames. */
import net from "node:net";
import { streamOf } from "../../host/net/socket.ts";
import { plainClient } from "../../wire/agent/client.ts";
import type { AgentClient } from "../../wire/agent/types.ts";

export async function enter(socketPath: string, name: string): Promise<AgentClient> {
  const socket = net.connect({ path: socketPath, allowHalfOpen: true });
  socket.write(
    `GET /v1/vms/${name}/agent HTTP/1.1\r\nhost: bangerd\r\nconnection: Upgrade\r\nupgrade: banger-agent/1\r\n\r\n`,
  );
  let head = Buffer.alloc(0);
  while (!head.includes("\r\n\r\n")) {
    const chunk = await new Promise<Buffer>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("close", () => reject(new Error(`no upgrade: ${head}`)));
    });
    socket.pause();
    head = Buffer.concat([head, chunk]);
  }
  const end = head.indexOf("\r\n\r\n") + 4;
  if (!head.subarray(0, end).toString().startsWith("HTTP/1.1 101 ")) throw new Error(head.toString());
  if (end < head.length) socket.unshift(head.subarray(end));
  return plainClient(streamOf(socket), name);
}
