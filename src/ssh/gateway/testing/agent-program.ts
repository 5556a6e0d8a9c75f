/**
 * The gateway as a program, for a real client's ProxyCommand: its guest is a real agent that serves on this machine.
 * Arguments: the file with the host key, the file with the accepted keys, the agent's socket.
 */
import { readFileSync } from "node:fs";
import { connectUnix } from "../../../host/net/socket.ts";
import { stdioDuplex } from "../../../host/terminal/stdio-duplex.ts";
import { processTerminal } from "../../../host/terminal/terminal.ts";
import { connectAgent } from "../../../wire/agent/client.ts";
import { listenInGuest } from "../../../wire/agent/listen.ts";
import { serveSsh } from "../serve.ts";

const [hostKey = "", accepted = "", socket = ""] = process.argv.slice(2);
const text = (path: string) => String(readFileSync(path));
const agent = await connectAgent(await connectUnix(socket), { resync: false, timeoutMs: 5000 });
// the user of this test, whoever has logged in
const user = String(process.getuid?.());

await serveSsh(stdioDuplex(processTerminal()), {
  hostKey: text(hostKey),
  accepted: text(accepted).split("\n").filter(Boolean),
  guest: {
    command: (request) => agent.open("exec", { ...request, user, cwd: "/" }),
    dial: (to) => agent.open("dial", to),
    listen: (request, onArrival) => listenInGuest(agent, { ...request, user }, onArrival),
  },
  say: (text) => process.stderr.write(`banger: ${text}\n`),
});
agent.destroy();
process.stdin.destroy();
