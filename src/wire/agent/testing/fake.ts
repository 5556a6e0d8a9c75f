/** A guest's agent in memory: for the fake driver and the tests above it. */
import type { ByteStream } from "../../../base/bytes.ts";
import { magic, Scanner, tagOf } from "../preamble.ts";
import type { ServedStream } from "../served.ts";
import { Session } from "../session.ts";
import type { Stream } from "../stream.ts";
import type { ExecExit, ExecRequest, Hello, Json, StatsReply } from "../types.ts";
import { fakeCommands } from "./fake-commands.ts";

/** Runs one command on `stream`; resolves with how it ended. */
export type FakeCommand = (stream: Stream, request: ExecRequest) => Promise<ExecExit>;

export type FakeAgentOptions = {
  hello?: Partial<Hello>;
  /** no preamble, tag 0: the daemon's side after an HTTP upgrade */
  plain?: boolean;
  /** by argv[0], in addition to `true`, `false`, `cat`, `echo`, `exit`, `sleep` */
  commands?: Record<string, FakeCommand>;
  /** verbs that the test answers itself */
  verbs?: Record<string, (served: ServedStream, session: Session) => void>;
  /** called after the reply to `poweroff` */
  onPower?: (mode: "poweroff" | "reboot") => void;
  /** called with each identity */
  onIdentity?: (identity: Json) => void;
  /** called with each complete tar that was put */
  onPut?: (request: Json, tar: Uint8Array) => void;
};

/** Serves sessions on the connection until it is closed. */
export function fakeAgent(connection: ByteStream, options: FakeAgentOptions = {}): void {
  if (options.plain) return void serve(connection, 0, options).start();
  const scanner = new Scanner(magic, Number.MAX_SAFE_INTEGER);
  let nonce: Buffer | null = null;
  let forward: ((chunk: Uint8Array) => void) | null = null;
  connection.onData((chunk) => {
    if (forward) return forward(chunk);
    const rest: Buffer | null = nonce ? Buffer.concat([nonce, chunk]) : scanner.push(chunk);
    if (rest === null) return;
    nonce = rest;
    if (rest.length < 16) return;
    connection.write(Buffer.concat([magic, rest.subarray(0, 16)]));
    const early = rest.subarray(16);
    const onData = (listener: (chunk: Uint8Array) => void) => {
      forward = listener;
    };
    const rebound: ByteStream = { ...passed(connection), onData };
    const session = serve(rebound, tagOf(rest), options);
    session.sendHello(helloOf(options));
    session.start(early);
  });
}

function passed(connection: ByteStream): ByteStream {
  return {
    onData: (listener) => connection.onData(listener),
    onEnd: (listener) => connection.onEnd(listener),
    onClose: (listener) => connection.onClose(listener),
    write: (chunk) => connection.write(chunk),
    drained: () => connection.drained(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    end: () => connection.end(),
    destroy: (error) => connection.destroy(error),
  };
}

function helloOf(options: FakeAgentOptions): Hello {
  const features = [
    "exec",
    "put",
    "get",
    "dial",
    "ports",
    "identity",
    "grow",
    "stats",
    "services",
    "settle",
    "poweroff",
  ];
  return {
    protocol: 1,
    agent: "0.0.0-fake",
    phase: "boot",
    generation: 0,
    init: "systemd",
    bootId: "fake",
    features,
    ...options.hello,
  };
}

function serve(connection: ByteStream, tag: number, options: FakeAgentOptions): Session {
  const session: Session = new Session(connection, {
    tag,
    side: "agent",
    onOpen: (served) => answer(served, session, options),
  });
  return session;
}

function answer(served: ServedStream, session: Session, options: FakeAgentOptions): void {
  const own = options.verbs?.[served.verb];
  if (own) return own(served, session);
  switch (served.verb) {
    case "identity":
      options.onIdentity?.(served.request);
      end(served.accept());
      return session.notice({ notice: "up" });
    case "services":
      return end(served.accept({ state: "running", failed: [] }));
    case "stats":
      return end(
        served.accept({
          uptimeMs: 1000,
          cpuMs: 500,
          connections: 0,
          load1: 0,
          memory: { total: 2 ** 30, available: 2 ** 29 },
          disk: { total: 2 ** 33, free: 2 ** 32 },
        } satisfies StatsReply),
      );
    case "settle":
      return end(served.accept(served.request["trim"] === true ? { trimmed: 2 ** 32 } : {}));
    case "grow":
      return end(served.accept({ bytes: 2 ** 33 }));
    case "poweroff":
      return powerOff(served, session, options);
    case "put":
      return put(served, options);
    case "exec":
      return void exec(served, options);
    default:
      return served.refuse("unsupported", `the fake agent has no ${served.verb}`);
  }
}

function end(stream: Stream): void {
  stream.closed.catch(() => {});
  void stream.finish();
}

function powerOff(served: ServedStream, session: Session, options: FakeAgentOptions): void {
  const mode = served.request["mode"] === "reboot" ? "reboot" : "poweroff";
  end(served.accept());
  session.notice({ notice: "power", intent: mode });
  // the machine ends after the reply was read
  setTimeout(() => options.onPower?.(mode), 0);
}

function put(served: ServedStream, options: FakeAgentOptions): void {
  const stream = served.accept();
  const chunks: Uint8Array[] = [];
  stream.closed.catch(() => {});
  stream.onData((_channel, data) => void chunks.push(new Uint8Array(data)));
  stream.onEof(() => {
    const tar = Buffer.concat(chunks);
    options.onPut?.(served.request, tar);
    stream.event({ event: "done", entries: 0, bytes: tar.length });
    void stream.finish();
  });
}

async function exec(served: ServedStream, options: FakeAgentOptions): Promise<void> {
  const request = served.request as ExecRequest;
  const program = request.shell ? "-sh" : (request.argv?.[0] ?? "");
  const command = options.commands?.[program] ?? fakeCommands[program];
  if (!command) return served.refuse("not_found", `${program} does not exist`);
  const stream = served.accept({ pid: 4242 });
  stream.closed.catch(() => {});
  const exit = await command(stream, request);
  stream.eof(1);
  stream.eof(2);
  await Promise.all([stream.write(1, new Uint8Array()), stream.write(2, new Uint8Array())]);
  stream.event({ event: "exit", ...exit });
  await stream.finish();
}
