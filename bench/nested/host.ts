/** The bench on hardware virtualization, in the project's test host: the compiled product, with KVM, everything emulated. */
import { join } from "node:path";
import { TestHost } from "../../test/nested/host/host.ts";
import { homeEnv, storePoint } from "../../test/nested/host/store.ts";
import { table } from "../stats.ts";
import { guestIo } from "./guest-io.ts";
import type { Task } from "./inside.ts";
import type { Measurement } from "./nested.ts";
import { type DriverName, type Figures, inTurn } from "./vms.ts";

const files = { program: `${storePoint}/bench.js`, guestIo: `${storePoint}/guest-io` };
/** Each is measured many times, of which the first boots. */
const partMs = 60 * 60_000;

/** @param firecracker path of the program, or empty */
export async function measureInTestHost(
  wanted: Measurement[],
  { runs, firecracker }: { runs: number; firecracker: string },
): Promise<Figures> {
  const host = await TestHost.make();
  try {
    if (firecracker !== "") await host.install("firecracker", firecracker);
    await install(host);
    return await inTurn(wanted, ({ part, driver }) => measure(host, { part: part.name, driver, runs }));
  } finally {
    await host.close();
  }
}

async function install(host: TestHost): Promise<void> {
  const built = await Bun.build({ entrypoints: [join(import.meta.dirname, "inside.ts")], target: "bun" });
  const [program] = built.outputs;
  if (program === undefined) throw new Error(`the bench could not be bundled: ${built.logs.join("\n")}`);
  await host.vm.shell(`cat > ${files.program}`, { input: await program.text() });
  await host.vm.shell(`cat > ${files.guestIo}`, { input: guestIo() });
}

async function measure(
  host: TestHost,
  { part, driver, runs }: { part: string; driver: DriverName; runs: number },
): Promise<Figures> {
  const flags = ["--image", "tiny", "--memory", "256M", "--vcpu", "1"];
  const home = homeEnv()["HOME"] ?? "";
  const task: Task = { part, driver, runs, flags, home, guestIo: files.guestIo };
  const env = { BUN_BE_BUN: "1", BANGER_TEST_PROGRAMS: `${storePoint}/bin`, BANGER_TEST_DIR: "/tmp/bench" };
  const argv = ["banger", files.program, JSON.stringify(task)];
  const { code, stdout, stderr } = await host.run(argv, { env, timeoutMs: partMs });
  if (code !== 0) throw new Error(`${part} on ${driver} failed: ${stderr.slice(-2000)}`);
  const figures = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Figures;
  console.log(table(figures.rows));
  return figures;
}
