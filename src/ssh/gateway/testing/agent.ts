/** An ssh-agent that holds FIDO keys in software: draft-ietf-sshm-ssh-agent, the two requests that ssh needs to log in. */
import { createServer, type Server, type Socket } from "node:net";
import { field, type Token } from "./security-key.ts";

const [failure, listRequest, listAnswer, signRequest, signAnswer] = [5, 11, 12, 13, 14];

export function tokenAgent(socket: string, tokens: readonly Token[]): Promise<Server> {
  const server = createServer((client) => serve(client, tokens));
  const { promise, resolve } = Promise.withResolvers<Server>();
  server.listen(socket, () => resolve(server));
  return promise;
}

function serve(client: Socket, tokens: readonly Token[]): void {
  let unread = Buffer.alloc(0);
  client.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE()) {
      const end = 4 + unread.readUInt32BE();
      client.write(field(answerTo(unread.subarray(4, end), tokens)));
      unread = unread.subarray(end);
    }
  });
}

function answerTo(request: Buffer, tokens: readonly Token[]): Buffer {
  if (request[0] === listRequest) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(tokens.length);
    return Buffer.concat([
      Buffer.of(listAnswer),
      count,
      ...tokens.flatMap(({ blob }) => [field(blob), field("token")]),
    ]);
  }
  if (request[0] !== signRequest) return Buffer.of(failure);
  const keyEnd = 5 + request.readUInt32BE(1);
  const data = request.subarray(keyEnd + 4, keyEnd + 4 + request.readUInt32BE(keyEnd));
  const token = tokens.find(({ blob }) => blob.equals(request.subarray(5, keyEnd)));
  return token ? Buffer.concat([Buffer.of(signAnswer), field(token.sign(data))]) : Buffer.of(failure);
}
