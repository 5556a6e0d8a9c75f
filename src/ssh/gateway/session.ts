/** One session of an ssh client (RFC 4254, 6): a command, a shell or sftp in the guest. */
import type { PseudoTtyInfo, ServerChannel, Session } from "ssh2";
import { toBangerError } from "../../base/errors/error.ts";
import { Exit } from "../../base/exit.ts";
import { integerOf, textOf } from "../../base/untrusted-json.ts";
import type { ExecRequest, Json } from "../../wire/agent/types.ts";
import { type AgentForward, withAgent } from "./agent-forward.ts";
import type { Guest, GuestCommand } from "./guest.ts";
import { send, sendInput } from "./join.ts";
import { commandRequest, type SessionState, shellRequest, sizeOf, subsystemRequest, withVariable } from "./requests.ts";

/** for a command that ended in no known way, as OpenSSH has it */
const unknownStatus = 255;

/** @param user of the guest, whom the client has named */
export function serveSession(session: Session, guest: Guest, user: string, forward: AgentForward): void {
  let agent: Promise<string | null> = Promise.resolve(null);
  let state: SessionState = { env: {}, pty: null };
  let command: Promise<GuestCommand> | null = null;
  const event = (what: Json) => void command?.then((stream) => stream.event(what)).catch(() => {});
  const start = (request: ExecRequest, channel: ServerChannel) => {
    command = agent.then((socket) => guest.command(withAgent(request, socket)));
    void run(channel, command);
  };
  session.on("pty", (accept, _reject, asked) => {
    const { cols, rows, term } = asked as PseudoTtyInfo & { term?: unknown };
    state = { ...state, pty: { cols, rows, term: textOf(term, 64) ?? "" } };
    accept?.();
  });
  session.on("window-change", (accept, _reject, size) => {
    event({ event: "resize", ...sizeOf(size) });
    accept?.();
  });
  session.on("env", (accept, reject, { key, val }) => {
    const next = withVariable(state, key, val);
    if (next === null) return void reject?.();
    state = next;
    accept?.();
  });
  session.on("signal", (accept, _reject, { name }) => {
    event({ event: "signal", signal: name });
    accept?.();
  });
  session.on("shell", (accept) => start(shellRequest(state, user), accept()));
  session.on("exec", (accept, _reject, info) => start(commandRequest(state, user, info.command), accept()));
  session.on("subsystem", (accept, reject, { name }) => {
    const request = subsystemRequest(state, user, name);
    if (request === null) return void reject();
    start(request, accept());
  });
  session.on("auth-agent", (accept) => {
    agent = forward.socket();
    accept?.();
  });
  session.on("x11", (_accept, reject) => void reject?.());
}

/** Until the command ends, or the client goes. */
async function run(channel: ServerChannel, starting: Promise<GuestCommand>): Promise<void> {
  channel.on("error", () => {});
  let exit: Json | null = null;
  try {
    const stream = await starting;
    stream.onData((from, data) => send(from === 2 ? channel.stderr : channel, data));
    stream.onEvent((what) => {
      if (what["event"] === "exit") exit = what;
    });
    channel.on("close", () => stream.close());
    sendInput(channel, stream);
    await stream.closed;
  } catch (error) {
    const { message, hint, exit: status } = toBangerError(error);
    await send(channel.stderr, new TextEncoder().encode(`error: ${message}\r\nhint: ${hint}\r\n`));
    exit = { code: status > Exit.Run ? status : unknownStatus };
  }
  sayExit(channel, exit ?? {});
  channel.end();
}

function sayExit(channel: ServerChannel, { code, signal }: Json): void {
  const name = textOf(signal, 16);
  if (name === null) channel.exit(integerOf(code, 0, 255) ?? unknownStatus);
  else channel.exit(name.replace(/^SIG/, ""), false, "");
}
