/** A DNS server as a process of its own: `server-program.ts ADDRESS PREFIX PORT`. Prints `ready PORT` and then its log, or the reason why it is not. */
import { loggerOver } from "../../../host/log.ts";
import { startDns } from "../server.ts";

const [address = "", prefix = "", port = ""] = process.argv.slice(2);
const vm = address.replace(/\d+$/, "5");
try {
  const server = await startDns({
    network: { address, prefix: Number(prefix) },
    port: Number(port),
    names: {
      addressOf: (name) => (name === "sandbox" ? vm : null),
      nameOf: (other) => (other === vm ? "sandbox" : null),
    },
    log: loggerOver((line) => process.stdout.write(line)),
  });
  console.log(`ready ${server.port}`);
} catch (error) {
  console.log((error as { details: { reason: string } }).details.reason);
}
