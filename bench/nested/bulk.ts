/** Bytes from the host to a program in the guest, against the same bytes over a vsock connection that nothing of banger touches. */
import { join } from "node:path";
import { connectUnix } from "../../src/host/net/socket.ts";
import { openVsock } from "../../src/wire/firecracker/vsock.ts";
import type { Home } from "../../test/e2e/home.ts";
import { median, rowOf } from "../stats.ts";
import { say, timed } from "../timing.ts";
import { type Bench, besideVm, type Figures, guestIoPath, installGuestIo } from "./vms.ts";

const mib = 16;
const bytes = mib * 1024 * 1024;
const port = 5000;

export async function bulk(bench: Bench): Promise<Figures> {
  const { home, runs } = bench;
  const row = rowOf({ what: `${mib} MiB into vm exec`, floorWhat: "raw vsock", reach: { ratio: 1 / 0.8 } });
  const data = new Uint8Array(bytes);
  const exec = (script: string, input?: Uint8Array) =>
    home.ok(["vm", "exec", "bench", "--", "sh", "-c", script], input === undefined ? {} : { input });
  await besideVm(bench, [], async () => {
    await installGuestIo(bench, "bench");
    const serving = home.spawn(["vm", "exec", "bench", "--", guestIoPath, String(port), String(bytes)]);
    await serving.stdout.getReader().read();
    const socket = join(home.folder, "s/banger/vms", vmFolder(home), "v.sock");
    const idle: number[] = [];
    for (let run = 0; run < runs; run++) {
      row.floor.push(await timed(() => sendRaw(socket, data)));
      row.ours.push(await timed(() => exec("cat > /dev/null", data)));
      idle.push(await timed(() => exec(":")));
      say(row);
    }
    row.allowance = median(idle);
    serving.kill();
  });
  return { rows: [row], breakdowns: [] };
}

async function sendRaw(socket: string, data: Uint8Array): Promise<void> {
  const line = await openVsock(await connectUnix(socket), port, 10_000);
  const answered = new Promise<void>((resolve, reject) => {
    line.onData(() => resolve());
    line.onClose(() => reject(new Error("the guest hung up")));
  });
  for (let at = 0; at < data.length; at += 256 * 1024)
    if (!line.write(data.subarray(at, at + 256 * 1024))) await line.drained();
  await answered;
  line.destroy();
}

function vmFolder(home: Home): string {
  const name = home.vmFiles().find((file) => !file.includes("/"));
  if (name === undefined) throw new Error("there is no VM");
  return name;
}
