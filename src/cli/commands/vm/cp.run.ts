/** `banger vm cp`. */
import { fail, isError } from "../../../base/errors/error.ts";
import { count } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import { guestUser, userNameOf } from "../../../client/copy/guest-user.ts";
import { type Copied, copyIn, copyTarIn, type Guest } from "../../../client/copy/into.ts";
import { type Copy, parseCopy } from "../../../client/copy/operand.ts";
import { copyOut, tarOut } from "../../../client/copy/out.ts";
import { explainLoss } from "../../../client/session/loss.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { type JsonFlag, printJson, remark, running, sinkOf } from "../../work.ts";

type CpFlags = JsonFlag & { user?: string };

export async function cp(this: CliContext, flags: CpFlags, ...words: string[]): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const copy = parseCopy(words);
    refuseTerminal(this, copy);
    const done = await cancellable(this.signals, (signal) => perform(this, flags, copy, sink, signal)).finally(() =>
      sink.done(),
    );
    if (copy.way === "out-tar") return;
    if (flags.json) printJson(this, done);
    else remark(this, flags, `copied ${count(done.entries, "file")}, ${formatSize(done.bytes)}\n`);
  }).finally(() => sink.done());
}

function refuseTerminal({ stdio }: CliContext, { way }: Copy): void {
  if (way === "out-tar" && stdio.stdoutIsTerminal)
    throw fail("USAGE", { problem: "a tar can't be written to a terminal", next: "name a folder, or redirect stdout" });
  if (way === "in-tar" && stdio.stdinIsTerminal)
    throw fail("USAGE", { problem: "a tar can't be read from a terminal", next: "redirect stdin, or name a file" });
}

async function perform(
  context: CliContext,
  { user }: CpFlags,
  copy: Copy,
  sink: EventSink,
  signal: AbortSignal,
): Promise<Copied> {
  const { stdio } = context;
  const sessions = new Sessions(context, user, signal);
  try {
    if (copy.way === "in") return await copyIn(context, await sessions.guest(copy.vm), copy, sink.emit, signal);
    if (copy.way === "in-tar")
      return await copyTarIn(await sessions.guest(copy.vm), copy.target, stdio.readInput, signal);
    if (copy.way === "out-tar") {
      const { vm, path } = copy.source;
      for await (const chunk of tarOut(await sessions.guest(vm), path, signal)) await stdio.write("stdout", chunk);
      return { entries: 0, bytes: 0 };
    }
    const all = { entries: 0, bytes: 0 };
    for (const { vm, path } of copy.sources) {
      const one = { source: path, target: copy.target, isOneOfSeveral: copy.sources.length > 1 };
      const done = await copyOut(await sessions.guest(vm), one, sink.emit, signal);
      all.entries += done.entries;
      all.bytes += done.bytes;
    }
    return all;
  } catch (error) {
    if (signal.aborted || !isError(error, "SESSION_LOST")) throw error;
    throw (await explainLoss(context, sessions.last, error)).error();
  } finally {
    sessions.end();
  }
}

/** One session for each VM that is named. */
class Sessions {
  readonly #context: CliContext;
  readonly #user: string | undefined;
  readonly #signal: AbortSignal;
  readonly #open: VmSession[] = [];
  readonly #guests = new Map<string, Promise<Guest>>();
  /** the VM of the last call */
  last = "";

  constructor(context: CliContext, user: string | undefined, signal: AbortSignal) {
    this.#context = context;
    this.#user = user;
    this.#signal = signal;
  }

  guest(vm: string): Promise<Guest> {
    this.last = vm;
    const guest = this.#guests.get(vm) ?? this.#start(vm);
    this.#guests.set(vm, guest);
    return guest;
  }

  end(): void {
    for (const { client } of this.#open) client.destroy();
  }

  async #start(vm: string): Promise<Guest> {
    const session = await openSession(this.#context, vm, noticePrinter(this.#context), this.#signal);
    this.#open.push(session);
    const user = await userNameOf(this.#context, vm, this.#user);
    return { vm, client: session.client, user: await guestUser(session.client, user, this.#signal) };
  }
}
