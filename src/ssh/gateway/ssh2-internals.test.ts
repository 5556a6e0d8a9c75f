/** What the gateway uses of ssh2's insides: these fail when ssh2 changes there. */
import { expect, test } from "bun:test";
import { type Duplex, PassThrough } from "node:stream";
import { BaseAgent, type Connection, Server } from "ssh2";
import { makeHostKey } from "../keys.ts";
import { openAgentChannel, refuseChannel } from "./ssh2-internals.ts";
import { connected, line } from "./testing/line.ts";

const key = makeHostKey();

function accepting(serve: (client: Connection) => void): Duplex {
  const [socket, other] = line();
  const server = new Server({ hostKeys: [key.private] }, (client) => {
    client.on("error", () => {});
    client.on("authentication", (context) => context.accept());
    client.on("ready", () => serve(client));
  });
  server.injectSocket(socket as Parameters<Server["injectSocket"]>[0]);
  return other;
}

test("a refused channel has a reason, and the next one has none of it", async () => {
  let asked = 0;
  const other = accepting((client) =>
    client.on("tcpip", (_accept, reject) => {
      asked += 1;
      if (asked === 1) refuseChannel(client, reject, "no such host name");
      else reject();
    }),
  );
  const client = await connected(other, { password: "x" });
  const refusal = () =>
    new Promise((resolve) => client.forwardOut("::1", 1, "db", 2, (error) => resolve(error?.message)));
  expect(await refusal()).toBe("(SSH) Channel open failure: no such host name");
  expect(await refusal()).toBe("(SSH) Channel open failure: ");
  client.end();
});

/** An agent whose connections send back what they get. */
class EchoAgent extends BaseAgent {
  override getIdentities(done: (error: undefined, keys: []) => void) {
    done(undefined, []);
  }
  override sign() {}
  override getStream(done: (error: null, stream: Duplex) => void) {
    done(null, new PassThrough());
  }
}

test("a channel to the agent that the client forwards", async () => {
  const answer = Promise.withResolvers<Buffer>();
  const other = accepting((client) =>
    client.on("session", (accept) => {
      const session = accept();
      session.on("auth-agent", (agree) => agree?.());
      session.on("exec", async (agree) => {
        agree();
        const channel = await openAgentChannel(client);
        channel.on("data", answer.resolve);
        channel.write("a question");
      });
    }),
  );
  const client = await connected(other, { password: "x", agent: new EchoAgent() as never, agentForward: true });
  client.exec("true", () => {});
  expect(String(await answer.promise)).toBe("a question");
  client.end();
});

test("a client that forwards no agent refuses the channel", async () => {
  const refused = Promise.withResolvers<string>();
  const other = accepting((client) => {
    openAgentChannel(client).catch((error: Error) => refused.resolve(error.message));
  });
  const client = await connected(other, { password: "x" });
  expect(await refused.promise).toContain("Channel open failure");
  client.end();
});
