/** `start`, `stop`, `restart`, `kill`, `delete`, `rename`, `wait`: several VMs at once, each told by itself. */
import type { StopResult } from "../../api/types.ts";
import { type BangerError, toBangerError } from "../../base/errors/error.ts";
import type { Emit } from "../../model/event.ts";
import type { VmView, WaitKind } from "../../model/vm.ts";
import { cancellable } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { report } from "../ui/report.ts";
import { type JsonFlag, printJson, running, sinkOf } from "../work.ts";

type WaitFlag = { wait?: WaitKind };
type GraceFlag = { grace?: number };
type One = (name: string, emit: Emit, signal: AbortSignal) => Promise<unknown>;

const pathOf = (name: string, action = "") => `/v1/vms/${encodeURIComponent(name)}${action}`;

export async function start(this: CliContext, flags: JsonFlag & WaitFlag, ...names: string[]): Promise<void> {
  const body = flags.wait ? { wait: flags.wait } : {};
  await forEach(
    this,
    flags,
    names,
    "is running",
    async (name, emit, signal) =>
      (await this.api.work<VmView>("POST", pathOf(name, "/start"), body, emit, signal)).value,
  );
}

export async function stop(this: CliContext, flags: JsonFlag & GraceFlag, ...names: string[]): Promise<void> {
  const body = flags.grace === undefined ? {} : { graceMs: flags.grace };
  await forEach(
    this,
    flags,
    names,
    "is stopped",
    async (name, emit, signal) =>
      (await this.api.work<StopResult>("POST", pathOf(name, "/stop"), body, emit, signal)).value.vm,
  );
}

export async function restart(
  this: CliContext,
  flags: JsonFlag & WaitFlag & GraceFlag,
  ...names: string[]
): Promise<void> {
  const body = {
    ...(flags.wait ? { wait: flags.wait } : {}),
    ...(flags.grace === undefined ? {} : { graceMs: flags.grace }),
  };
  await forEach(
    this,
    flags,
    names,
    "is running",
    async (name, emit, signal) =>
      (await this.api.work<VmView>("POST", pathOf(name, "/restart"), body, emit, signal)).value,
  );
}

export async function kill(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await forEach(this, flags, names, "is stopped", (name) => this.api.json("POST", pathOf(name, "/kill")));
}

export async function remove(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await forEach(this, flags, names, "is deleted", (name) => this.api.json("DELETE", pathOf(name)));
}

export async function wait(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await forEach(this, flags, names, null, async (name, emit, signal) => {
    const { value } = await this.api.work<VmView>("GET", pathOf(name, "/wait"), undefined, emit, signal);
    if (!flags.json) this.process.stdout.write(`${value.name} ${value.state}\n`);
    return value;
  });
}

export async function rename(this: CliContext, flags: JsonFlag, name: string, to: string): Promise<void> {
  await running(this, flags, async () => {
    const vm = await this.api.json<VmView>("POST", pathOf(name, "/rename"), { name: to });
    if (flags.json) printJson(this, vm);
    else this.process.stdout.write(`${vm.name}\n`);
  });
}

/** All at once; a failure is told and does not keep the others. The exit code is the first failure's. */
async function forEach(
  context: CliContext,
  flags: JsonFlag,
  names: string[],
  done: string | null,
  one: One,
): Promise<void> {
  const sink = sinkOf(context, flags);
  const write = (text: string) => context.process.stderr.write(text);
  await running(context, flags, async () => {
    const unique = [...new Set(names)];
    const results = await cancellable(context.signals, (signal) =>
      Promise.allSettled(unique.map((name) => one(name, sink.emit, signal))),
    );
    sink.done();
    const failures: BangerError[] = [];
    const values: unknown[] = [];
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") failures.push(toBangerError(result.reason));
      else values.push(result.value);
      if (result.status === "fulfilled" && done && !flags.json)
        context.process.stdout.write(`${unique[index]} ${done}\n`);
    }
    if (flags.json && values.length > 0) printJson(context, unique.length === 1 ? values[0] : values);
    const debug = Boolean(context.env["BANGER_DEBUG"]);
    const codes = failures.map((error) => report(error, { json: flags.json ?? false, debug, write }));
    return codes[0] ?? 0;
  });
}
