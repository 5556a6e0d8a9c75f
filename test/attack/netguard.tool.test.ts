/** A guest that has taken over `netguard`, which reads its frames. A program that echoes every frame replaces passt. */
import { afterAll, beforeAll, describe } from "bun:test";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { agentBinary, gate } from "../../src/host/testing/gate.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { networkAttacks } from "./network-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { attackTests } from "./report.ts";
import { type Scene, setScene, type Target } from "./scene.ts";
import { reasonAgainstTracing } from "./tracing.ts";

const reason = gate("tool:cc") ?? gate("tool:banger-vsock-agent") ?? reasonAgainstTracing();

/** An ARP frame after its length, as on passt's stream socket. */
const frame = Buffer.alloc(4 + 42);
frame.writeUInt32BE(42, 0);
frame.writeUInt16BE(0x0806, 4 + 12);
// Ethernet and IPv4 (RFC 826)
frame.write("000108000604", 4 + 14, "hex");

describe.skipIf(reason !== null)(`netguard, taken over${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  const folder = makeTempFolder("guard");
  let scene: Scene;
  beforeAll(async () => {
    scene = await setScene(targetIn(await folder.make("vm")), folder.path);
  }, 60_000);
  afterAll(async () => {
    await scene.end();
    folder.remove();
  });

  const there = () => scene;
  attackTests("netguard", [
    ...fileAttacks(there),
    ...networkAttacks(there),
    ...processAttacks(there),
    ...kernelAttacks(there),
  ]);
});

function targetIn(directory: string): Target {
  const socket = `${directory}/net.sock`;
  const echo = ["sh", "-c", "cat <&3 >&3 2>/dev/null &"];
  return {
    directory,
    readable: ["/etc/hostname"],
    async start() {
      const argv = ["netguard", "--listen", socket, "--", ...echo];
      const pid = Number(execFileSync(agentBinary() ?? "", argv, { encoding: "utf8" }));
      const line = net.connect(socket);
      await once(line, "connect");
      // it relays nothing until it is confined
      line.write(frame);
      await once(line, "data");
      const ended = once(line, "close");
      line.on("error", () => {});
      const end = async () => void line.destroy();
      return { pid, ended, end };
    },
  };
}
