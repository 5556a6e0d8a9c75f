/**
 * A host of its own for tests of the guest's network: a network namespace whose only way out is a cable to nowhere, with services
 * on its loopback and on its address. What a guest sends through a passt in there never leaves this machine.
 */
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import type { Exec } from "../../host/exec.ts";
import { createExec } from "../../host/exec-node.ts";
import { spawnPiped } from "../../host/process.ts";

/** the namespace's own address: as far as a guest can see, the host's */
export const outside = "198.51.100.2";
/** TCP, on 127.0.0.1 alone */
export const loopbackPort = 8080;
/** TCP, on every address; says `hello` over HTTP */
export const openPort = 8081;

export type Namespace = {
  /** runs a program in it */
  exec: Exec;
  /** its resolv.conf, which names 127.0.0.53; the resolver there says 198.51.100.2 to every question */
  resolvConf: string;
  remove(): Promise<void>;
};

const lines = [
  "link set lo up",
  "link add eth0 type veth peer name nowhere",
  `addr add ${outside}/24 dev eth0`,
  "link set eth0 up",
  "link set nowhere up",
  "route add default via 198.51.100.1",
];

const services = `
  Bun.serve({ hostname: "127.0.0.1", port: ${loopbackPort}, fetch: () => new Response("secret") });
  Bun.serve({ hostname: "0.0.0.0", port: ${openPort}, fetch: () => new Response("hello") });
  const head = Buffer.from("81800001000100000000", "hex");
  const answer = Buffer.from("c00c00010001000000000004c6336402", "hex");
  await Bun.udpSocket({ hostname: "127.0.0.53", port: 53, socket: { data(socket, ask, port, address) {
    const end = ask.indexOf(0, 12) + 5;
    socket.send(ask.length < 17 ? ask : Buffer.concat([ask.subarray(0, 2), head, ask.subarray(12, end), answer]), port, address);
  } } });
  console.log("ready");
`;

/** Needs root. @param label makes the name unique together with the pid */
export async function makeNamespace(label: string): Promise<Namespace> {
  const exec = createExec({});
  const name = `banger-${label}-${process.pid}`;
  const folder = `/etc/netns/${name}`;
  const inside = (argv: readonly string[]) => ["ip", "netns", "exec", name, ...argv];
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/resolv.conf`, "nameserver 127.0.0.53\n");
  await must(exec, ["ip", "netns", "add", name]);
  for (const line of lines) await must(exec, inside(["ip", ...line.split(" ")]));
  const running = spawnPiped(inside([process.execPath, "-e", services]));
  for await (const chunk of running.stdout) if (Buffer.from(chunk).includes("ready")) break;
  return {
    exec: (argv, options) => exec(inside(argv), options),
    resolvConf: `${folder}/resolv.conf`,
    async remove() {
      running.kill("SIGKILL");
      await exec(["ip", "netns", "del", name]);
      await rm(folder, { recursive: true, force: true });
      await rmdir("/etc/netns").catch(() => {});
    },
  };
}

async function must(exec: Exec, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
}
