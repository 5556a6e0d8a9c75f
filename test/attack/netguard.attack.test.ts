/** A guest that has taken over `netguard`, which reads its frames. A program that echoes every frame replaces passt. */
import { afterAll, beforeAll } from "bun:test";
import { execFileSync } from "node:child_process";
import { Deferred } from "../../src/base/async.ts";
import { connectUnix } from "../../src/host/net/socket.ts";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { HandMadeVsock, type VsockConnection } from "../../src/network/testing/vsock.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { networkAttacks } from "./network-attacks.ts";
import { processAttacks, programAttacks } from "./process-attacks.ts";
import { attackTests } from "./report.ts";
import { type Scene, setScene, type Target } from "./scene.ts";
import { attackSuite } from "./suite.ts";

/** An ARP frame after its length, as on passt's stream socket. */
const frame = Buffer.alloc(4 + 42);
frame.writeUInt32BE(42, 0);
frame.writeUInt16BE(0x0806, 4 + 12);
// Ethernet and IPv4 (RFC 826)
frame.write("000108000604", 4 + 14, "hex");

for (const flag of ["--listen", "--vsock"] as const) {
  attackSuite(`netguard ${flag}, taken over`, ["tool:cc", "tool:banger-vsock-agent", "tracing"], () => {
    const folder = makeTempFolder("guard");
    let scene: Scene;
    beforeAll(async () => {
      scene = await setScene(targetIn(await folder.make("vm"), flag), folder.path);
    }, 60_000);
    afterAll(async () => {
      await scene?.end();
      folder.remove();
    });

    const there = () => scene;
    attackTests(`netguard ${flag}`, [
      ...fileAttacks(there),
      ...networkAttacks(there),
      ...processAttacks(there),
      ...programAttacks(there),
      ...kernelAttacks(there),
    ]);
  });
}

function targetIn(directory: string, flag: "--listen" | "--vsock"): Target {
  const socket = `${directory}/net.sock`;
  const echo = ["sh", "-c", "cat <&3 >&3 2>/dev/null &"];
  return {
    directory,
    readable: ["/etc/hostname"],
    async start() {
      const argv = ["netguard", flag, socket, "--", ...echo];
      const pid = Number(execFileSync(agentBinary() ?? "", argv, { encoding: "utf8" }));
      const { line, end } = flag === "--listen" ? await connected(socket) : await overVsock(socket);
      const [relayed, ended] = [new Deferred<void>(), new Deferred<void>()];
      line.onData(() => relayed.resolve());
      // the next one may need its socket's path
      line.onClose(() => void end().then(() => ended.resolve()));
      // it relays nothing until it is confined
      line.write(frame);
      await relayed.promise;
      return { pid, ended: ended.promise, end };
    },
  };
}

type Line = { line: VsockConnection; end(): Promise<void> };

async function connected(socket: string): Promise<Line> {
  const line = await connectUnix(socket);
  line.onEnd(() => line.destroy());
  return { line, end: async () => line.destroy() };
}

async function overVsock(socket: string): Promise<Line> {
  const vsock = await HandMadeVsock.listen(socket);
  return { line: await vsock.next(), end: () => vsock.end() };
}
