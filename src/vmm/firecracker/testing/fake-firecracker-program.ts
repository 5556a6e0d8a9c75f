/**
 * A fake Firecracker: a program that the driver starts as it would the real one, with the API on its socket and a guest behind its
 * vsock. It is as strict as the real one, and fails as it does.
 */
import * as fs from "node:fs";
import net from "node:net";
import { parseArgs } from "node:util";
import { type FakeRequest, parseRequest } from "./fake-schema.ts";
import type { Fault, Settings } from "./fake-settings.ts";
import { FakeVm, FatalFault } from "./fake-vm.ts";

const [settingsFile = "", ...own] = process.argv.slice(2);
const settings: Settings = JSON.parse(fs.readFileSync(settingsFile, "utf8"));

if (own[0] === "--version") {
  console.log(
    `Firecracker v${settings.version}\n\n2026-01-01T00:00:00.0 [anonymous-instance:main] Firecracker exiting successfully. exit_code=0`,
  );
  process.exit(0);
}

const { values } = parseArgs({
  args: own,
  options: {
    "api-sock": { type: "string" },
    id: { type: "string" },
    "log-path": { type: "string" },
    level: { type: "string" },
  },
});
const log = fs.openSync(values["log-path"] ?? "", "r+");
let logged = 0;

/** At its own place in the file: the real one does not append. */
function say(text: string): void {
  logged += fs.writeSync(log, `2026-01-01T00:00:00.0 [${values.id}:main] ${text}\n`, logged);
}

function exit(status: number): never {
  if (status !== 0) say(`Firecracker exiting with error. exit_code=${status}`);
  process.exit(status);
}

// SIGSEGV can't be caught here: this plays what the real one does upon it
process.on("SIGUSR2", () => {
  say("Shutting down VM after intercepting signal 11, code 0.");
  process.exit(150);
});

if (settings.diesAtStart !== undefined) {
  say("it was told to die");
  exit(settings.diesAtStart);
}
const api = values["api-sock"] ?? "";
if (fs.existsSync(api)) {
  say(`RunWithApiError error: Failed to open the API socket at: ${api}. Check that it is not already used.`);
  exit(1);
}

const vm = new FakeVm(settings, () => exit(0));

function answerOf(request: FakeRequest): { status: number; body: string } {
  try {
    const parsed = parseRequest(request);
    if (parsed.action === "GET ")
      return {
        status: 200,
        body: JSON.stringify({
          id: values.id,
          state: vm.state,
          vmm_version: settings.version,
          app_name: "Firecracker",
        }),
      };
    vm.act(parsed);
    return { status: 204, body: "" };
  } catch (error) {
    const message = (error as Error).message;
    say(`Received Error. Status code: 400 Bad Request. Message: ${message}`);
    if (error instanceof FatalFault) setTimeout(() => exit(1), 1);
    return { status: 400, body: JSON.stringify({ fault_message: message }) };
  }
}

const words: Record<number, string> = { 200: "", 204: "", 400: "", 500: "" };

function send(line: net.Socket, { status, body }: { status: number; body: string }): void {
  const content = body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  line.write(
    `HTTP/1.1 ${status} ${words[status]}\r\nServer: Firecracker API\r\nConnection: keep-alive\r\n${content}\r\n${body}`,
  );
}

function misbehave(line: net.Socket, fault: Fault): void {
  if (fault.answer === "dies") exit(fault.status);
  if (fault.answer === "garbage") line.write("\0\x01\x02 this is no HTTP\r\n\r\n");
  if (fault.answer === "400" || fault.answer === "500")
    send(line, { status: Number(fault.answer), body: JSON.stringify({ fault_message: fault.text }) });
}

function serve(line: net.Socket): void {
  let held = Buffer.alloc(0);
  line.on("error", () => {});
  line.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const end = held.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = held.subarray(0, end).toString("latin1");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (held.length < end + 4 + length) return;
      const [method = "", path = ""] = head.split(" ");
      const request = { method, path, body: held.subarray(end + 4, end + 4 + length).toString() };
      held = held.subarray(end + 4 + length);
      const fault = settings.faults[`${method} ${path}`];
      if (fault) misbehave(line, fault);
      else send(line, answerOf(request));
    }
  });
}

if (settings.silent) setInterval(() => {}, 1000);
else net.createServer(serve).listen(api);
