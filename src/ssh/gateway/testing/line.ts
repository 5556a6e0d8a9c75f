/** An ssh client and the gateway in one process. */
import { Duplex } from "node:stream";
import { Client, type ConnectConfig } from "ssh2";

/** Two ends of one line. */
export function line(): [Duplex, Duplex] {
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write: (chunk, _encoding, done) =>
        void setImmediate(() => {
          other().push(chunk);
          done();
        }),
      final: (done) =>
        void setImmediate(() => {
          other().push(null);
          done();
        }),
    });
  const a: Duplex = end(() => b);
  const b: Duplex = end(() => a);
  return [a, b];
}

/** Logged in as root. */
export function connected(other: Duplex, more: ConnectConfig): Promise<Client> {
  const client = new Client();
  const { promise, resolve, reject } = Promise.withResolvers<Client>();
  client.once("ready", () => resolve(client));
  client.once("error", reject);
  client.connect({ sock: other, username: "root", ...more });
  return promise;
}
