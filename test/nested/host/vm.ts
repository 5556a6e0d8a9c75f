/** One test host that runs: its emulator, and the agent in it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { withTimeout } from "../../../src/base/async.ts";
import { connectUnix } from "../../../src/host/net/socket.ts";
import { connectAgent } from "../../../src/wire/agent/client.ts";
import type { AgentClient, IdentityRequest } from "../../../src/wire/agent/types.ts";
import { connectQmp, type Qmp } from "../../../src/wire/qmp/client.ts";
import { type CommandOptions, type Ended, runCommand } from "./command.ts";
import { fullCpu, type HostFiles, type HostPlan, hostArgv, hostMac } from "./qemu.ts";

export type HostStart = {
  files: HostFiles;
  bytes: HostPlan["bytes"];
  memory: HostPlan["memory"];
  /** state that it goes on from; undefined: it boots */
  state?: string;
  cpu?: string;
  /** its root has an init of its own, which gets PID 1; what it writes is kept */
  hasInit?: boolean;
};

/** A cold boot under emulation, on a machine that is busy. */
const bootMs = 180_000;

export class HostVm {
  readonly #folder: string;
  readonly #process: Bun.Subprocess;
  #monitor!: Qmp;
  #agent: AgentClient | undefined;

  private constructor(folder: string, start: HostStart) {
    this.#folder = folder;
    mkdirSync(folder, { mode: 0o700 });
    const argv = hostArgv({
      ...start,
      cpu: start.cpu ?? fullCpu,
      hasInit: start.hasInit ?? false,
      sockets: { agent: "agent", monitor: "monitor" },
      serialLog: "serial",
      isRestored: start.state !== undefined,
    });
    // a test run that is killed leaves no host behind
    this.#process = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "--", ...argv], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "", TMPDIR: folder },
      stdio: ["ignore", "ignore", Bun.file(join(folder, "log"))],
    });
  }

  /** @param folder where its sockets and logs go; it must not exist, and goes with the host */
  static async start(folder: string, start: HostStart): Promise<HostVm> {
    const vm = new HostVm(folder, start);
    try {
      vm.#monitor = await connectQmp(await vm.#connect("monitor"));
      vm.#monitor.onEvent((name) => name === "BLOCK_IO_ERROR" && vm.#loseDisk());
      if (start.state !== undefined) await vm.#load(start.state);
      await vm.#meetAgent(start.state === undefined ? 1 : 2);
      return vm;
    } catch (error) {
      const logs = await Promise.all(
        ["log", "serial"].map((name) =>
          Bun.file(join(folder, name))
            .text()
            .catch(() => ""),
        ),
      );
      await vm.close();
      throw new Error(`the test host did not start: ${logs.join("\n").slice(-2000)}`, { cause: error });
    }
  }

  /** Runs a program as root, or as `options.user`. */
  run(argv: string[], options: CommandOptions = {}): Promise<Ended> {
    return runCommand(this.#met, argv, options);
  }

  /** Resolves when its init has started everything. */
  async settled(): Promise<void> {
    (await this.#met.open("services", {}, { timeoutMs: bootMs })).close();
  }

  get #met(): AgentClient {
    if (this.#agent === undefined) throw new Error("the test host has not started");
    return this.#agent;
  }

  /** Runs a shell command as root; its stdout. @throws when its status is not 0 */
  async shell(line: string, options: CommandOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(["/bin/bash", "-c", line], options);
    if (code === 0) return stdout;
    throw new Error(`${line} ended with ${code} in the test host: ${stderr.slice(-2000)}${stdout.slice(-500)}`);
  }

  /** Writes the state to `path`; its memory is in the file that it was started with. The host stands still from now on. */
  async save(path: string): Promise<void> {
    this.#agent?.destroy();
    await this.#monitor.execute("stop");
    await this.#ignoreSharedMemory();
    const done = this.#monitor.event("MIGRATION", isOver);
    await this.#monitor.execute("migrate", { uri: `exec:cat > ${path}` });
    requireCompleted(await done);
    await this.#monitor.execute("quit");
    await this.#process.exited;
  }

  /** Resolves when it has shut down. */
  async ended(): Promise<void> {
    await this.#process.exited;
  }

  /** Power off, as seen by its disks: what was synced is there. */
  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** QEMU stops a host whose disk can't be written, as when the outer disk is full: nothing would answer any more. */
  #loseDisk(): void {
    console.error("the test host's disk can't be written: is there room below ~/.cache?");
    this.#agent?.destroy();
  }

  async #load(state: string): Promise<void> {
    await this.#ignoreSharedMemory();
    const done = this.#monitor.event("MIGRATION", isOver);
    await this.#monitor.execute("migrate-incoming", { uri: `exec:cat ${state}` });
    requireCompleted(await done);
    await this.#monitor.execute("cont");
  }

  async #ignoreSharedMemory(): Promise<void> {
    const capabilities = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));
    await this.#monitor.execute("migrate-set-capabilities", { capabilities });
  }

  async #meetAgent(generation: number): Promise<void> {
    const stream = await this.#connect("agent");
    const agent = await connectAgent(stream, { resync: generation > 1, timeoutMs: bootMs, name: "test host" });
    this.#agent = agent;
    const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
    (await agent.open("identity", identityOf(generation))).close();
    if (agent.hello?.phase === "boot") await withTimeout(up, bootMs, () => new Error("the test host did not come up"));
  }

  /** QEMU makes its sockets a moment after it was started. */
  async #connect(name: string): ReturnType<typeof connectUnix> {
    for (;;) {
      try {
        return await connectUnix(join(this.#folder, name));
      } catch (error) {
        if (this.#process.exitCode !== null) throw new Error("QEMU has ended", { cause: error });
        await Bun.sleep(10);
      }
    }
  }
}

const isOver = ({ status }: Record<string, unknown>) => status === "completed" || status === "failed";

function requireCompleted({ status }: Record<string, unknown>): void {
  if (status !== "completed") throw new Error(`QEMU could not move the host's state: ${status}`);
}

function identityOf(generation: number): IdentityRequest {
  const random = crypto.getRandomValues(new Uint8Array(64));
  return {
    generation,
    hostname: "testhost",
    machineId: Buffer.from(random.subarray(0, 16)).toString("hex"),
    clock: String(Date.now() / 1000),
    entropy: Buffer.from(random).toString("base64"),
    network: {
      ...{ address: "192.0.2.15", prefix: 24, gateway: "192.0.2.2", mac: hostMac, dns: ["192.0.2.3"], search: [] },
    },
  };
}
