/** Too much, and nothing at all: the daemon keeps answering, within its memory. */
import { type Answer, FrameType, type GuestLine, type Sent } from "./hostile-agent.ts";
import type { LiedTo } from "./lied-to.ts";
import type { Attack, Outcome } from "./report.ts";

const mib = 1024 * 1024;
const floodBytes = 64 * mib;
/** what the daemon (and this test beside it) may grow by while 64 MiB come in */
const mayGrow = 200 * mib;

export function agentFloods(scene: () => LiedTo): Attack[] {
  const numbers = Buffer.from(`{"notice":"x","n":[${Array(16_000).fill("1").join(",")}]}`);
  return [
    flood(scene, "floods with notices", [[FrameType.Notice, 0, numbers]]),
    flood(scene, "floods with pings", Array(400).fill([FrameType.Ping, 0, Buffer.alloc(64)])),
    flood(scene, "floods with frames of no bytes", Array(1000).fill([FrameType.Event, 1, {}])),
    opens(scene),
    silent(scene, "never answers a command", { exec: () => {} }),
    silentStart(scene),
    deaf(scene),
  ];
}

/** @param frames sent over and over while a command is open */
function flood(scene: () => LiedTo, name: string, frames: Sent[]): Attack {
  return told(scene, name, async (line) => line.flood(frames, floodBytes));
}

function opens(scene: () => LiedTo): Attack {
  return told(scene, "opens streams without end", async (line) => {
    for (let id = 2; id < 200_000 && !line.isClosed; id += 400) {
      const frames = Array.from({ length: 200 }, (_, at): Sent => [FrameType.Open, id + 2 * at, { verb: "exec" }]);
      await line.flood(frames, 1);
    }
  });
}

function told(scene: () => LiedTo, name: string, act: (line: GuestLine) => Promise<void>): Attack {
  const run = async (): Promise<Outcome> => {
    const { agent, banger } = scene();
    const before = process.memoryUsage().rss;
    let flooding = Promise.resolve();
    agent.verbs = {
      exec: ({ line }) => {
        agent.verbs = {};
        flooding = act(line);
      },
    };
    const client = banger(["vm", "exec", "evil", "--", "x"], { timeoutMs: 4000 });
    const during = await banger(["vm", "list"], { timeoutMs: 4000 });
    await Promise.all([client, flooding]);
    return after(scene(), before, during.code === 0 ? "" : "`vm list` failed meanwhile");
  };
  return { name, run };
}

/** A command that hangs is the user's to interrupt; nothing else may hang with it. */
function silent(scene: () => LiedTo, name: string, verbs: Record<string, Answer>): Attack {
  const run = async (): Promise<Outcome> => {
    const { agent, home, banger } = scene();
    const before = process.memoryUsage().rss;
    let asked = () => {};
    const opened = new Promise<void>((resolve) => {
      asked = resolve;
    });
    agent.verbs = Object.fromEntries(Object.entries(verbs).map(([verb]) => [verb, () => asked()]));
    const client = banger(["vm", "exec", "evil", "--", "x"], { timeoutMs: 3000 });
    await opened;
    agent.verbs = {};
    void home;
    const other = await after(scene(), before, "");
    await client;
    return other;
  };
  return { name, run };
}

function silentStart(scene: () => LiedTo): Attack {
  const run = async (): Promise<Outcome> => {
    const { agent, banger } = scene();
    agent.greet = () => {};
    const started = await banger(["vm", "run", "--name", "mute", "--", "true"]);
    agent.greet = null;
    await banger(["vm", "delete", "mute"]);
    const held = started.code !== null && started.code !== 0;
    return { held, seen: held ? `exit ${started.code} after ${Math.round(started.ms / 1000)} s` : "it waits for ever" };
  };
  return { name: "never greets", run };
}

/** 64 MiB go to a command whose guest takes none of it. */
function deaf(scene: () => LiedTo): Attack {
  const run = async (): Promise<Outcome> => {
    const { agent, banger } = scene();
    const before = process.memoryUsage().rss;
    agent.verbs = { exec: ({ line, stream }) => line.send([FrameType.Reply, stream, { ok: true, pid: 1 }]) };
    const client = banger(["vm", "exec", "evil", "--", "cat"], {
      input: new Uint8Array(floodBytes),
      timeoutMs: 3000,
    });
    await client;
    agent.verbs = {};
    return after(scene(), before + floodBytes, "");
  };
  return { name: "takes nothing of what it is sent", run };
}

/** The daemon answers, the guest's next command works, and memory stayed within its bounds. */
async function after({ banger }: LiedTo, before: number, problem: string): Promise<Outcome> {
  const next = await banger(["vm", "exec", "evil", "--", "x"]);
  const grown = process.memoryUsage().rss - before;
  const problems = [
    problem,
    next.stdout === "fine\n" ? "" : `the next command: ${next.stderr.trim() || next.code}`,
    grown > mayGrow ? `memory grew by ${Math.round(grown / mib)} MiB` : "",
  ].filter(Boolean);
  return { held: problems.length === 0, seen: problems.join("; ") || "the next command worked" };
}
