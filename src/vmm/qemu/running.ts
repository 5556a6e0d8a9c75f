/** A running QEMU, controlled through its monitor. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import { oneAtATime } from "../../base/one-at-a-time.ts";
import { textOf } from "../../base/untrusted-json.ts";
import { changeStamp, removeTrees } from "../../host/files/files.ts";
import { connectUnix } from "../../host/net/socket.ts";
import { signalProcess } from "../../host/process/children.ts";
import { waitForExit } from "../../host/process/end.ts";
import { raiseFileSizeLimit } from "../../host/process/limits.ts";
import type { Qmp } from "../../wire/qmp/client.ts";
import type { RunningVm, SaveFiles, SaveRecord, VmExit, VmmStats, VmmStop, VmmTrouble } from "../driver.ts";
import type { HostFacts } from "../host-facts.ts";
import { readTails, watchLogs } from "../logs.ts";
import { processStats } from "../process-stats.ts";
import { digestOf } from "../save-files.ts";
import { actionFor } from "./events.ts";
import { classifyExit, type Shutdown } from "./exit.ts";
import { saveFailed } from "./migration.ts";
import { qemuFiles } from "./paths.ts";
import { ProcessFreeze } from "./process-freeze.ts";
import type { QemuRecord } from "./record.ts";
import { saveQemu } from "./save.ts";
import { type BlockError, blockErrorOf, type DeadState, readStop } from "./stopped.ts";

/** of a shutdown's reason, in UTF-16 units; QEMU's are one word */
const maxReason = 64;
/** kept until there is a listener */
const maxTroubles = 8;

export type RunningParts = {
  record: QemuRecord;
  qmp: Qmp;
  /** null when the process is not our child */
  exited: Promise<{ exitCode: number | null; signal: string | null }> | null;
  /** an earlier session may have used the connection to the agent */
  agentUsed: boolean;
  /** why QEMU had stopped the guest before it was adopted */
  stopped: VmmStop | DeadState | null;
  /** what a save of this VM requires of a host, besides QEMU's version */
  hostFacts: () => Promise<HostFacts>;
};

export class RunningQemu implements RunningVm {
  readonly record: QemuRecord;
  readonly #parts: RunningParts;
  readonly #freeze: ProcessFreeze;
  readonly #exit = new Deferred<VmExit>();
  readonly #stopWatching: () => void;
  #agent: ByteStream | null = null;
  #agentUsed: boolean;
  #shutdown: Shutdown | null = null;
  #stopped: VmmStop | null = null;
  #blockError: BlockError | null = null;
  #onStopped: (stop: VmmStop) => void = () => {};
  /** troubles before there was a listener */
  readonly #troubles: VmmTrouble[] = [];
  #onTrouble = (trouble: VmmTrouble): void => {
    if (this.#troubles.length < maxTroubles) this.#troubles.push(trouble);
  };
  #killCalled = false;
  #savedInPlace = false;
  #released = false;
  /** counts resumes: an answer to a query from before a resume is stale */
  #resumes = 0;
  readonly #lookWhyStopped = oneAtATime(() => this.#lookOnce());

  constructor(parts: RunningParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.#freeze = new ProcessFreeze(parts.record);
    this.#agentUsed = parts.agentUsed;
    if (parts.stopped) this.#noteStop(parts.stopped);
    this.#stopWatching = watchLogs(this.#paths, () => this.#endHalted());
    parts.qmp.onEvent((name, data) => this.#handleEvent(name, data));
    void this.#watch();
  }

  async agent(): Promise<{ stream: ByteStream; resync: boolean }> {
    this.#agent?.destroy();
    const resync = this.#agentUsed;
    this.#agentUsed = true;
    this.#agent = await connectUnix(this.#paths.agent, 10_000);
    return { stream: this.#agent, resync };
  }

  async pause(): Promise<void> {
    await this.#ask("stop");
    this.#freeze.begin();
  }

  async resume(): Promise<void> {
    if (this.#savedInPlace) throw new Error(`VM in ${this.record.directory} was saved in place: it can't be resumed`);
    // QEMU's RESUME event ends the freeze
    await this.#ask("cont");
  }

  stopped(): VmmStop | null {
    return this.#stopped;
  }

  onStopped(listener: (stop: VmmStop) => void): void {
    this.#onStopped = listener;
  }

  onTrouble(listener: (trouble: VmmTrouble) => void): void {
    this.#onTrouble = listener;
    for (const trouble of this.#troubles.splice(0)) listener(trouble);
  }

  async save(files: SaveFiles, signal: AbortSignal): Promise<SaveRecord> {
    const { driver, version, accel, saving } = this.record;
    if (saving === undefined) throw saveFailed("it was started by an older banger");
    const host = await this.#parts.hostFacts();
    const { qmp } = this.#parts;
    const saved = () => saveQemu({ qmp, saving, files }, signal);
    const state = await this.#freeze.awake(saved);
    if (saving.memoryFile !== null) this.#savedInPlace = true;
    const { shape, memoryBytes, cpu = "host" } = saving;
    const memoryStamp = await changeStamp(files.memory);
    const described = { shape, memoryBytes, memoryStamp, stateBytes: state.length, stateDigest: digestOf(state) };
    return { driver, version, accel, guestCpu: cpu, ...described, ...host };
  }

  async powerdown(): Promise<void> {
    await this.#ask("system_powerdown");
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
    raiseFileSizeLimit(this.record.process.pid, bytes);
    const resize = { "node-name": `disk-${disk}`, size: bytes };
    await this.#ask("block_resize", resize);
  }

  release(): void {
    this.#released = true;
    this.#stopWatching();
    this.#agent?.destroy();
    this.#parts.qmp.close();
  }

  #handleEvent(name: string, data: Record<string, unknown>): void {
    if (name === "BLOCK_IO_ERROR") this.#blockError = blockErrorOf(data) ?? this.#blockError;
    const action = actionFor(name, data);
    if (action.kind === "trouble" && !this.#released) this.#onTrouble(action.trouble);
    if (action.kind !== "act") return;
    if (action.on === "shutdown")
      this.#shutdown = { guest: data["guest"] === true, reason: textOf(data["reason"], maxReason) ?? "" };
    if (action.on === "stop") void this.#lookWhyStopped();
    if (action.on === "resume") this.#resumed();
  }

  /** STOP events also come for requested stops: the run state shows which it was. */
  async #lookOnce(): Promise<void> {
    const resumes = this.#resumes;
    const stop = await readStop(this.#parts.qmp, this.#blockError);
    if (stop === null || this.#released || this.#resumes !== resumes) return;
    this.#noteStop(stop);
    if (this.#stopped !== null) this.#onStopped(this.#stopped);
  }

  #noteStop(stop: VmmStop | DeadState): void {
    if (stop.kind === "dead") return this.#endAs(stop.shutdown);
    this.#stopped = stop;
    this.#freeze.begin();
  }

  /** @throws VMM_START_FAILED with QEMU's refusal, VMM_UNREACHABLE when it does not answer */
  async #ask(command: string, args?: Record<string, unknown>): Promise<void> {
    const { qmp } = this.#parts;
    try {
      await this.#freeze.awake(() => qmp.execute(command, args));
    } catch (error) {
      if (!qmp.isUnresponsive) throw error;
      throw unreachable(this.record, error);
    }
  }

  #resumed(): void {
    this.#resumes += 1;
    this.#stopped = null;
    this.#blockError = null;
    this.#freeze.end();
  }

  /** A halted guest would use no CPU but keep its memory forever: end it as if it had powered off. */
  #endHalted(): void {
    this.#endAs({ guest: true, reason: "guest-shutdown" });
  }

  /** Ends a QEMU whose guest is over. */
  #endAs(shutdown: Shutdown): void {
    this.#shutdown ??= shutdown;
    signalProcess(this.record.process, "SIGKILL");
  }

  get #paths() {
    return qemuFiles(this.record.directory);
  }

  /** Reads QEMU's events to the end before it judges the status of the process. */
  async #watch(): Promise<void> {
    const [, status] = await Promise.all([this.#parts.qmp.closed, this.#parts.exited]);
    if (this.#released) return;
    await waitForExit(this.record.process);
    this.release();
    const sockets = [this.#paths.qmp, this.#paths.agent];
    // the VM has ended, even if its VMM has damaged its folder
    const [tails] = await Promise.all([readTails(this.#paths), removeTrees(sockets).catch(() => {})]);
    const seen = { killCalled: this.#killCalled, shutdown: this.#shutdown, isWatched: true, status };
    this.#exit.resolve(classifyExit({ ...seen, ...tails }));
  }
}

/** The error for a process that is alive but whose monitor does not answer. */
export function unreachable({ process }: QemuRecord, error: unknown): Error {
  const known = toBangerError(error);
  const reason = typeof known.details["reason"] === "string" ? known.details["reason"] : known.message;
  return fail("VMM_UNREACHABLE", { driver: "qemu", pid: process.pid, reason }, error);
}
