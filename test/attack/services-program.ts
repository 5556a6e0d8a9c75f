/** Runs in the suite's network: services on each address of the arguments, all on one port. Prints the address that was connected to. */
import net from "node:net";

const [port = "", ...hosts] = process.argv.slice(2);
for (const host of hosts) {
  const server = net.createServer((socket) => {
    process.stdout.write(`${host}\n`);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(Number(port), host, resolve));
  await Bun.udpSocket({
    hostname: host,
    port: Number(port),
    socket: { data: () => void process.stdout.write(`${host}\n`) },
  });
}
process.stdout.write("ready\n");
