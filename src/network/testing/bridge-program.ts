/**
 * The owner's daemon, as far as the bridge goes: for a test that has a real root helper. Says its pid, waits for a line, and then does what each line
 * says (`prepare ID`, `stop ID`, `forget ID`), and answers in JSON. Argument: the helper's socket.
 */
import { createInterface } from "node:readline";
import { toBangerError } from "../../base/errors/error.ts";
import type { VmId } from "../../base/names.ts";
import { openDatabase } from "../../host/files/sqlite.ts";
import { loggerOver } from "../../host/log.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { defaultBridge } from "../../model/bridge.ts";
import { vmPaths } from "../../model/paths.ts";
import { createStore } from "../../store/store.ts";
import { createBridgeNetwork } from "../bridge.ts";
import { helperOver } from "../helper-client.ts";

const [socket = ""] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log(process.pid);
await lines.next();
const bridge = createBridgeNetwork({
  connect: async () => helperOver(await connectUnix(socket)),
  leases: createStore(openDatabase(":memory:"), () => 0).leases,
  settings: async () => ({ bridge: defaultBridge, isolate: true }),
  hostNetworks: async () => [],
  resolvConfs: async () => [],
  running: [],
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  onUp: async () => console.log(JSON.stringify({ isUp: true })),
  log: loggerOver((line) => void process.stderr.write(line)),
});
for (;;) {
  const { value: line, done } = await lines.next();
  if (done) break;
  const [verb, id = ""] = String(line).split(" ");
  const failed = (error: unknown) => ({ failed: toBangerError(error).message });
  console.log(JSON.stringify(await act(verb ?? "", id).catch(failed)));
}
bridge.close();

async function act(verb: string, id: string): Promise<unknown> {
  const paths = vmPaths(`/s/vms/${id}`);
  if (verb === "prepare") return bridge.prepare(paths, ["10.0.0.0/8"], ["tap"]);
  if (verb === "stop") await bridge.stop(paths);
  else bridge.forget(id as VmId);
  return {};
}
