/** A running Firecracker, controlled through its API. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import { changeStamp, removeTrees } from "../../host/files/files.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { type Ended, signalProcess } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import { raiseFileSizeLimit } from "../../host/process/limits.ts";
import type { FirecrackerApi } from "../../wire/firecracker/client.ts";
import { type ApiRequest, requests } from "../../wire/firecracker/requests.ts";
import { openVsock } from "../../wire/firecracker/vsock.ts";
import type { RunningVm, SaveFiles, SaveRecord, VmExit, VmmStats } from "../driver.ts";
import { watchLogs } from "../logs.ts";
import { processStats } from "../process-stats.ts";
import { digestOf } from "../save-files.ts";
import { DirtyBase } from "./dirty-base.ts";
import { classifyExit } from "./exit.ts";
import { GuestStream } from "./guest-stream.ts";
import { firecrackerFiles, leftoversIn, names, socketsIn } from "./paths.ts";
import type { FirecrackerRecord } from "./record.ts";
import { RunGate } from "./run-gate.ts";
import { type SaveJob, saveFirecracker } from "./save.ts";
import { freeLog, readTails } from "./tails.ts";

/** The agent's port (`agent/src/init/connections.rs`). */
const agentPort = 1024;
const dialMs = 10_000;

export type RunningParts = {
  record: FirecrackerRecord;
  api: FirecrackerApi;
  /** null when the process is not our child */
  exited: Promise<Ended> | null;
  isPaused: boolean;
  hasSwap: SaveJob["hasSwap"];
  /** what a save of this VM requires of a host, besides Firecracker's version */
  hostFacts: () => Promise<Record<string, unknown>>;
};

export class RunningFirecracker implements RunningVm {
  readonly record: FirecrackerRecord;
  readonly #parts: RunningParts;
  readonly #gate: RunGate;
  readonly #base: DirtyBase;
  readonly #exit = new Deferred<VmExit>();
  readonly #stopWatching: () => void;
  #agent: ByteStream | null = null;
  #killCalled = false;
  #hasHalted = false;
  #released = false;

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.#gate = new RunGate(parts.isPaused);
    this.#base = new DirtyBase(parts.record, this.#paths);
    this.#stopWatching = watchLogs(this.#paths, () => this.#endHalted(), freeLog);
    void this.#watch();
  }

  /** Each connection is a new one, so no earlier session has used it. */
  async agent(): Promise<{ stream: ByteStream; resync: boolean }> {
    this.#agent?.destroy();
    this.#agent = new GuestStream({
      dial: async () => openVsock(await connectUnix(this.#paths.vsock, dialMs), agentPort, dialMs),
      running: () => this.#gate.whenRunning(),
    });
    return { stream: this.#agent, resync: false };
  }

  async pause(): Promise<void> {
    if (this.#gate.isPaused) return;
    await this.#ask(requests.setState("Paused"));
    this.#gate.close();
  }

  async resume(): Promise<void> {
    if (!this.#gate.isPaused) return;
    await this.#ask(requests.setState("Resumed"));
    this.#gate.open();
  }

  async save(files: SaveFiles, signal: AbortSignal): Promise<SaveRecord> {
    signal.throwIfAborted();
    const { record } = this;
    const { api, hasSwap, hostFacts } = this.#parts;
    const host = await hostFacts();
    await this.pause();
    const job = { api, record, paths: this.#paths, files, base: this.#base, hasSwap };
    const state = await saveFirecracker(job, signal);
    const { shape, memoryBytes } = record.saving;
    const memoryStamp = await changeStamp(files.memory);
    const described = { shape, memoryBytes, memoryStamp, stateBytes: state.length, stateDigest: digestOf(state) };
    // each guest boots with the same things hidden (`hiddenBits`)
    const machine = { driver: record.driver, version: record.version, accel: "kvm" as const, guestCpu: "basic" };
    return { ...machine, ...described, ...host };
  }

  /** Null: Firecracker gives the guest an error when the host fails a write, and stops it for no other reason. */
  stopped(): null {
    return null;
  }

  onStopped(): void {}

  onTrouble(): void {}

  /** It has no power button: this is Ctrl-Alt-Del, upon which a guest reboots, and so ends. */
  async powerdown(): Promise<void> {
    await this.#ask(requests.ctrlAltDel());
  }

  async kill(): Promise<void> {
    this.#killCalled = true;
    signalProcess(this.record.process, "SIGKILL");
    await this.#exit.promise;
  }

  wait(): Promise<VmExit> {
    return this.#exit.promise;
  }

  stats(): Promise<VmmStats> {
    return processStats(this.record.process.pid);
  }

  async grow(disk: string, bytes: number): Promise<void> {
    const index = this.record.saving.disks.indexOf(disk);
    if (index < 0) throw new RangeError(`the VM has no disk ${disk}`);
    raiseFileSizeLimit(this.record.process.pid, bytes);
    const id = names.disk(index);
    await this.#ask(requests.changeDrive({ id, path: id }));
  }

  release(): void {
    this.#released = true;
    this.#stopWatching();
    this.#agent?.destroy();
    void this.#base.close();
    this.#parts.api.close();
  }

  /** @throws VMM_START_FAILED with Firecracker's refusal, VMM_UNREACHABLE when it does not answer */
  async #ask(request: ApiRequest): Promise<void> {
    const { api } = this.#parts;
    try {
      await api.ask(request);
    } catch (error) {
      throw api.isUnresponsive ? unreachable(this.record, error) : error;
    }
  }

  /** A guest that has halted, or that has powered off, keeps its Firecracker for ever. */
  #endHalted(): void {
    this.#hasHalted = true;
    signalProcess(this.record.process, "SIGKILL");
  }

  get #paths() {
    return firecrackerFiles(this.record.directory);
  }

  async #watch(): Promise<void> {
    const { exited } = this.#parts;
    const status = exited && (await exited);
    await waitForExit(this.record.process);
    if (this.#released) return;
    this.release();
    const { directory } = this.record;
    // the VM has ended, even if its VMM has damaged its folder
    const left = removeTrees([...socketsIn(directory), ...leftoversIn(directory)]).catch(() => {});
    const [tails] = await Promise.all([readTails(this.#paths), left]);
    this.#exit.resolve(classifyExit({ killCalled: this.#killCalled, hasHalted: this.#hasHalted, status, ...tails }));
  }
}

/** The error for a process that is alive but whose API does not answer. */
export function unreachable({ process }: FirecrackerRecord, error: unknown): Error {
  const known = toBangerError(error);
  const reason = typeof known.details["reason"] === "string" ? known.details["reason"] : known.message;
  return fail("VMM_UNREACHABLE", { driver: "firecracker", pid: process.pid, reason }, error);
}
