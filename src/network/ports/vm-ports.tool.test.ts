/** A VM's ports over the real agent and real sockets of this machine, which plays host and guest. */
import { expect } from "bun:test";
import net from "node:net";
import { listenTcp } from "../../host/net/tcp.ts";
import { gatedTest } from "../../host/testing/gate.ts";
import { served } from "../../wire/agent/testing/served-agent.ts";
import { listeningOf } from "./listeners.ts";
import { VmPorts } from "./vm-ports.ts";

const need = "tool:banger-vsock-agent";
const address = "127.77.31.9";
const ignore = () => {};

type Forwarded = {
  /** Resolves with the port once it is open on the host, or closed there. */
  changed(port: number, state: string): Promise<void>;
  /** a server in the guest @returns its port */
  listen(host: string, serve: (socket: net.Socket) => void): Promise<{ port: number; close(): void }>;
};

async function forwarding(use: (it: Forwarded) => Promise<void>): Promise<void> {
  await served(async (connect) => {
    const agent = await connect(false);
    const seen = new Set<string>();
    let wake = ignore;
    const servers: net.Server[] = [];
    const ofGuest = new Set<number>();
    const ports = new VmPorts(
      { address, published: [] },
      {
        listen: (at, port, onConnection) => listenTcp(at, port, onConnection, ignore),
        dial: (host, port, signal) => agent.open("dial", { host, port }, { signal }),
        use: () => ({ end: ignore }),
        after: (ms, run) => {
          const timer = setTimeout(run, ms);
          return () => clearTimeout(timer);
        },
        now: () => performance.now(),
        changed: ({ guestPort, state }) => {
          seen.add(`${guestPort} ${state}`);
          wake();
        },
      },
    );
    try {
      const stream = await agent.open("ports", {});
      stream.onEvent((event) => {
        // what else listens on this machine is no guest's, and the forwards are this test's own
        const all = [...listeningOf(event)].map(([port, at]) => [port, at.filter((one) => one !== address)] as const);
        ports.update(new Map(all.filter(([port, at]) => ofGuest.has(port) && at.length > 0)));
      });
      await use({
        async changed(port, state) {
          while (!seen.has(`${port} ${state}`)) await new Promise<void>((resolve) => (wake = resolve));
        },
        async listen(host, serve) {
          const server = net.createServer({ allowHalfOpen: true }, serve);
          servers.push(server);
          await new Promise<void>((resolve) => server.listen(0, host, resolve));
          const { port } = server.address() as net.AddressInfo;
          ofGuest.add(port);
          return { port, close: () => void server.close() };
        },
      });
    } finally {
      ports.close();
      for (const server of servers) server.close();
    }
  });
}

function dialled(port: number): net.Socket {
  return net.connect({ host: address, port, allowHalfOpen: true });
}

/** What comes until the end; the system's name of the error if that is how it ends. */
function received(socket: net.Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const all: Uint8Array[] = [];
  socket.on("data", (chunk) => void all.push(new Uint8Array(Buffer.from(chunk))));
  socket.on("end", () => resolve(Buffer.concat(all).toString()));
  socket.on("error", (error) => resolve((error as NodeJS.ErrnoException).code ?? ""));
  return promise;
}

const large = Buffer.alloc(3_000_001, "0123456789abcdef");

gatedTest(
  need,
  "listeners on 127.0.0.1 and ::1 are reached within a second, and gone when they are",
  () =>
    forwarding(async ({ changed, listen }) => {
      const echo = (socket: net.Socket) => void socket.pipe(socket);
      for (const host of ["127.0.0.1", "::1", "127.0.0.3"]) {
        const begun = performance.now();
        const { port, close } = await listen(host, echo);
        await changed(port, "open");
        expect(performance.now() - begun).toBeLessThan(1000);
        const socket = dialled(port);
        socket.end(large);
        expect((await received(socket)) === large.toString()).toBe(true);
        close();
        await changed(port, "closed");
        expect(await received(dialled(port))).toBe("ECONNREFUSED");
      }
    }),
  20_000,
);

gatedTest(need, "a guest that ends its side first still gets all that the client sends", () =>
  forwarding(async ({ changed, listen }) => {
    const counted = Promise.withResolvers<number>();
    const { port } = await listen("127.0.0.1", (socket) => {
      let bytes = 0;
      socket.end("bye");
      socket.on("data", (chunk) => {
        bytes += chunk.length;
      });
      socket.on("end", () => counted.resolve(bytes));
      socket.on("error", () => counted.resolve(-1));
    });
    await changed(port, "open");
    const socket = dialled(port);
    expect(await received(socket)).toBe("bye");
    socket.end(large);
    expect(await counted.promise).toBe(large.length);
  }),
);

gatedTest(
  need,
  "a client that does not read stops a guest that sends without end, and reading goes on where it was",
  () =>
    forwarding(async ({ changed, listen }) => {
      let sent = 0;
      const stalled = Promise.withResolvers<void>();
      const { port } = await listen("127.0.0.1", (socket) => {
        const push = () => {
          while (socket.write(large)) sent += large.length;
          sent += large.length;
          const timer = setTimeout(stalled.resolve, 500);
          socket.once("drain", () => {
            clearTimeout(timer);
            push();
          });
        };
        socket.on("error", ignore);
        push();
      });
      await changed(port, "open");
      const socket = dialled(port);
      socket.on("error", ignore);
      socket.pause();
      await stalled.promise;
      const before = sent;
      let got = 0;
      const more = Promise.withResolvers<void>();
      socket.on("data", (chunk) => {
        got += chunk.length;
        if (got > before) more.resolve();
      });
      socket.resume();
      await more.promise;
      socket.destroy();
    }),
);

gatedTest(need, "what the guest's listener refuses is a reset", () =>
  forwarding(async ({ changed, listen }) => {
    const { port, close } = await listen("127.0.0.1", ignore);
    await changed(port, "open");
    close();
    // it is still open on the host, for a moment
    expect(await received(dialled(port))).toBe("ECONNRESET");
  }),
);
