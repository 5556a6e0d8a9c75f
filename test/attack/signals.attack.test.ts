/**
 * A VMM that was taken over, in the cage of a Firecracker built with musl on Linux before 6.12: it sends signals by calls that name no
 * process, and a supervisor makes them.
 */
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../src/host/process/children.ts";
import { waitForExit } from "../../src/host/process/end.ts";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { tempFolder } from "../../src/host/testing/temp.ts";
import { type Attack, attackTests } from "./report.ts";
import { Signaller } from "./signaller.ts";
import { attackSuite } from "./suite.ts";

const { EPERM, ENOSYS, ESRCH } = constants.errno;
/** Firecracker's own, of which its processes die that have no handler */
const ours = 35;
const { SIGKILL, SIGSTOP } = constants.signals;

attackSuite("signals of a supervised VMM", ["tool:cc", "tool:banger-vsock-agent"], () => {
  const folder = tempFolder("signals");
  afterAll(() => folder[Symbol.dispose]());
  const program = join(folder.path, "signals");
  execFileSync("cc", ["-O1", "-Wall", "-pthread", "-static", "-o", program, join(import.meta.dir, "signals.c")]);
  let victim: Bun.Subprocess;
  let vmm: Signaller;
  beforeEach(async () => {
    victim = Bun.spawn(["sleep", "100000"]);
    vmm = await Signaller.start(agentBinary() ?? "", program);
  });
  afterEach(async () => {
    victim.kill("SIGKILL");
    await vmm.end();
  });

  test("it signals its own threads", async () => {
    expect(await vmm.ask(`other ${ours}`)).toBe(0);
    expect(await vmm.ask(`self ${ours}`)).toBe(0);
    expect(await vmm.ask(`tid ${vmm.ref.pid} ${ours}`)).toBe(0);
  });

  test("its supervisor has one descriptor, a filter, and nothing to see", () => {
    const proc = `/proc/${vmm.supervisor.pid}`;
    expect(readdirSync(`${proc}/fd`).map((fd) => readlinkSync(`${proc}/fd/${fd}`))).toEqual([
      "anon_inode:seccomp notify",
    ]);
    const status = readFileSync(`${proc}/status`, "utf8");
    for (const line of ["NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1", "CapEff:\t0000000000000000"])
      expect(status).toContain(line);
    expect(readlinkSync(`${proc}/cwd`)).toBe("/");
  });

  test("its supervisor ends with it, whether it exits or is killed", async () => {
    const { supervisor } = vmm;
    await vmm.end();
    await waitForExit(supervisor);
    const other = await Signaller.start(agentBinary() ?? "", program);
    const second = other.supervisor;
    other.kill(SIGKILL);
    await waitForExit(second);
  });

  /** Refused with these errors, and the other processes live on. */
  const refused = (name: string, requests: () => string[], errors: number[], before = async () => {}): Attack => ({
    name,
    async run() {
      await before();
      const seen: number[] = [];
      for (const request of requests()) seen.push(await vmm.ask(request));
      const lives = victim.exitCode === null && victim.signalCode === null;
      return {
        held: lives && Bun.deepEquals(seen, errors),
        seen: `errors ${seen}, the victim ${lives ? "lives" : "died"}`,
      };
    },
  });
  const killSupervisor = async () => {
    process.kill(vmm.supervisor.pid, SIGKILL);
    await waitForExit(vmm.supervisor);
  };

  attackTests("a supervised VMM", [
    refused("signals another process", () => [`tid ${victim.pid} ${ours}`, `tid ${process.pid} ${ours}`], [
      ESRCH,
      ESRCH,
    ]),
    refused("signals its supervisor", () => [`tid ${vmm.supervisor.pid} ${ours}`, `other ${ours}`], [ESRCH, 0]),
    refused("sends other signals", () => [0, 9, 19, 34, 36].map((signal) => `tid ${victim.pid} ${signal}`), [
      EPERM,
      EPERM,
      EPERM,
      EPERM,
      EPERM,
    ]),
    refused("names no thread at all", () => [0, -1, -victim.pid, 1, 2 ** 31 - 1].map((tid) => `tid ${tid} ${ours}`), [
      constants.errno.EINVAL,
      constants.errno.EINVAL,
      constants.errno.EINVAL,
      ESRCH,
      ESRCH,
    ]),
    refused("tries every thread", () => [`sweep 1 1000`, `sweep ${victim.pid - 1000} ${victim.pid + 1000}`], [
      ESRCH,
      ESRCH,
    ]),
    refused("makes itself its own supervisor", () => ["listen", `other ${ours}`], [EPERM, 0]),
    refused(
      "makes itself its own supervisor when the first has died",
      () => ["listen", `tid ${victim.pid} ${ours}`, `other ${ours}`, `self ${ours}`],
      [EPERM, ENOSYS, ENOSYS, ENOSYS],
      killSupervisor,
    ),
    refused("floods its supervisor", () => ["flood 64 100", `other ${ours}`], [0, 0]),
    {
      name: "waits for a supervisor that dies",
      async run() {
        process.kill(vmm.supervisor.pid, SIGSTOP);
        const answer = vmm.ask(`other ${ours}`);
        await killSupervisor();
        const error = await answer;
        return { held: error === ENOSYS && isAlive(vmm.ref), seen: `error ${error}` };
      },
    },
  ]);
});
