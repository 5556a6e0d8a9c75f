/** The rate of a guest's TCP through the agent's TAP, against the same through QEMU's virtio-net; netguard and passt are in both. */
import type { Socket } from "bun";
import type { Home } from "../../test/e2e/home.ts";
import { type Row, rowOf } from "../stats.ts";
import { say } from "../timing.ts";
import { type Bench, type Figures, guestIoPath, installGuestIo, vmFlags } from "./vms.ts";

const mib = 16;
const bytes = mib * 1024 * 1024;

const directions = ["up", "down"] as const;

/** The guests' peer is this process. */
export async function network(bench: Bench): Promise<Figures> {
  const { peer } = bench;
  if (peer === null) return { rows: [], breakdowns: [] };
  const ports = { up: takeAll(peer), down: giveAll(peer) };
  try {
    return { rows: await besideBoth(bench, (vms) => measure(bench, vms, ports)), breakdowns: [] };
  } finally {
    for (const server of Object.values(ports)) server.stop(true);
  }
}

type Vms = { floor: string; ours: string };
type Ports = Record<(typeof directions)[number], { port: number }>;

async function besideBoth<T>(bench: Bench, work: (vms: Vms) => Promise<T>): Promise<T> {
  const vms = { floor: "bench-qemu", ours: "bench-tap" };
  for (const [name, driver] of [[vms.floor, "qemu"] as const, [vms.ours, "firecracker"] as const]) {
    await bench.home.ok(["vm", "run", "--name", name, "--detach", ...vmFlags(bench, driver)]);
    await installGuestIo(bench, name);
  }
  try {
    return await work(vms);
  } finally {
    await bench.home.ok(["vm", "delete", ...Object.values(vms)]);
  }
}

async function measure({ home, peer, runs }: Bench, vms: Vms, ports: Ports): Promise<Row[]> {
  const rows: Row[] = [];
  for (const direction of directions) {
    const row = rowOf({
      what: `${mib} MiB ${direction} through the agent's TAP`,
      floorWhat: "QEMU's virtio-net",
      reach: { ratio: 1 / 0.9 },
    });
    const words = [direction, `${peer}:${ports[direction].port}`, String(bytes)];
    for (let run = 0; run < runs; run++) {
      row.floor.push(await moved(home, vms.floor, words));
      row.ours.push(await moved(home, vms.ours, words));
      say(row);
    }
    rows.push(row);
  }
  return rows;
}

/** The guest's own measurement, in `ms`. */
async function moved(home: Home, vm: string, words: string[]): Promise<number> {
  return Number((await home.ok(["vm", "exec", vm, "--", guestIoPath, ...words])).stdout);
}

function takeAll(hostname: string) {
  type State = { left: number };
  const data = (socket: Socket<State>, chunk: Uint8Array) => {
    socket.data.left -= chunk.length;
    if (socket.data.left <= 0) socket.end("x");
  };
  const open = (socket: Socket<State>) => {
    socket.data = { left: bytes };
  };
  return Bun.listen<State>({ hostname, port: 0, socket: { open, data } });
}

function giveAll(hostname: string) {
  type State = { left: number };
  const piece = new Uint8Array(256 * 1024);
  const drain = (socket: Socket<State>) => {
    while (socket.data.left > 0) {
      const sent = socket.write(piece.subarray(0, Math.min(piece.length, socket.data.left)));
      if (sent <= 0) return;
      socket.data.left -= sent;
    }
    socket.end();
  };
  const open = (socket: Socket<State>) => {
    socket.data = { left: bytes };
    drain(socket);
  };
  return Bun.listen<State>({ hostname, port: 0, socket: { open, drain, data: () => {} } });
}
