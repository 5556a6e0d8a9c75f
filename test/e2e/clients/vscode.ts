/**
 * What VS Code's Remote-SSH does, as its log shows it (`Remote-SSH: Show Log`), with a stand-in for its server.
 *
 * 1. `ssh -T -D PORT HOST bash` is started, and stays for as long as the window is open. A script comes on its stdin.
 * 2. The script finds out what the host is (`uname -s -m`), says when the server is not there, and waits for a file in `~/.vscode-server`.
 * 3. The server comes with a second connection, `scp -r FILE HOST:FOLDER`, and after it a file that says that it is complete.
 * 4. The script unpacks it, starts it in the background with its output in a log, waits for the port that it prints there, and prints the result between
 *    two marks, `ID: start` and `ID: end`, as lines `key==value==`.
 * 5. The window talks to `127.0.0.1:PORT` in the host through the SOCKS proxy of `-D`. A later window finds the server running.
 * 6. When the first connection ends, the server goes on.
 */
import { connect, type Socket } from "node:net";

export const mark = "3f2a9c01d7be";

/** The script of steps 2 and 4. */
export const installScript = `
set -u
dir="$HOME/.vscode-server/cli/servers/stand-in"
log="$dir/log.txt"
printf '%s: running\\n' ${mark}
if [ "$(uname -s)" != Linux ]; then echo '${mark}: end'; exit 1; fi
arch=$(uname -m)
mkdir -p "$dir"
if ! [ -f "$dir/server" ]; then
  printf '%s:trigger_server_download\\n' ${mark}
  printf 'folder==%s==\\n' "$dir"
  printf '%s:trigger_server_download_end\\n' ${mark}
  tries=0
  while ! [ -f "$dir/server.tar.gz.done" ]; do
    tries=$((tries + 1)); [ $tries -lt 300 ] || exit 1
    sleep 0.1
  done
  tar -xzf "$dir/server.tar.gz" -C "$dir"
  rm -f "$dir/server.tar.gz" "$dir/server.tar.gz.done"
fi
if ! { [ -f "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }; then
  rm -f "$log"
  nohup "$dir/server" >"$log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  disown
fi
while ! grep -q 'listening on' "$log" 2>/dev/null; do sleep 0.1; done
echo '${mark}: start'
printf 'exitCode==0==\\n'
printf 'listeningOn==%s==\\n' "$(sed -n 's/.*listening on //p' "$log")"
printf 'arch==%s==\\n' "$arch"
printf 'platform==%s==\\n' "$(uname -s)"
echo '${mark}: end'
`;

/** The stand-in for the server: it answers every line with the line and its pid. */
export const server = `#!/usr/bin/env python3
import os, socketserver

class Line(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(b"%d %s" % (os.getpid(), line))

socketserver.ThreadingTCPServer.daemon_threads = True
listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line)
print("Extension host agent listening on %d" % listener.server_address[1], flush=True)
listener.serve_forever()
`;

/** The result between the marks; null while it is not complete. */
export function resultIn(output: string): Record<string, string> | null {
  const [, between] = new RegExp(`${mark}: start\\r?\\n([^]*?)${mark}: end`).exec(output) ?? [];
  if (between === undefined) return null;
  return Object.fromEntries([...between.matchAll(/^(\w+)==(.*)==$/gm)].map(([, key = "", value = ""]) => [key, value]));
}

/** Sends a line to a port of the remote host's loopback through a SOCKS proxy here (RFC 1928), and reads one back. */
export async function lineThrough(proxyPort: number, port: number, line: string): Promise<string> {
  const socket = connect(proxyPort, "127.0.0.1");
  socket.write(Buffer.of(5, 1, 0));
  await bytesOf(socket, 2);
  socket.write(Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255));
  const reply = await bytesOf(socket, 10);
  if (reply[1] !== 0) throw new Error(`the proxy answered ${reply[1]}`);
  socket.write(`${line}\n`);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  socket.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
  socket.once("close", () => reject(new Error("the connection ended")));
  const answer = await promise;
  socket.destroy();
  return answer;
}

function bytesOf(socket: Socket, count: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  socket.on("error", reject);
  socket.once("close", () => reject(new Error("the connection ended")));
  socket.once("data", (chunk: Buffer) => (chunk.length === count ? resolve(chunk) : reject(new Error("too much"))));
  return promise;
}
