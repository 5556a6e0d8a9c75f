/** A guest in a folder: a repository is sent there with the host's tar, and the guest's half of a pull runs there with the host's sh. */
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { planWorkspace } from "../../plan.ts";
import { workspaceTar } from "../../stream.ts";
import { type TestBed, unpack } from "../../testing/repository.ts";
import type { WorkspaceRequest } from "../../types.ts";
import { guestScript } from "../guest-script.ts";
import { type HostRepository, openHost, questionTo } from "../host-repository.ts";
import { type Received, receiveWork } from "../receive.ts";
import { parseSent, type Sent, sentText } from "../sent.ts";

export const never = new AbortController().signal;

export type SentGuest = { guest: string; sent: Sent };

/** Sends as `vm run` does; `sent` goes through its file's form. */
export async function sendTo(bed: TestBed, request: WorkspaceRequest): Promise<SentGuest> {
  await using plan = await planWorkspace(bed.deps, request);
  const guest = fs.mkdtempSync(`${bed.folder}/guest-`);
  await unpack(workspaceTar(plan), guest);
  for (const { argv } of plan.after) execFileSync(argv[0] ?? "", argv.slice(1), { cwd: guest, stdio: "pipe" });
  const sent = plan.sent && parseSent(sentText(plan.sent.sent()));
  if (!sent) throw new Error("nothing was sent that can come back");
  return { guest, sent };
}

/** The script's stdout; an error with its stderr when it fails. */
export async function* answerOf(guest: string, host: HostRepository): AsyncGenerator<Uint8Array, void, void> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" };
  const { argument, input } = questionTo(host);
  const child = spawn("sh", ["-c", guestScript, "banger", argument], { cwd: guest, env });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  child.stdin.end(input);
  for await (const chunk of child.stdout) yield chunk as Uint8Array;
  const code = await ended;
  if (code !== 0) throw new Error(`the script ended with ${code}: ${said}`);
}

export type Pulled = { host: HostRepository; received: Received; [Symbol.asyncDispose](): Promise<void> };

/** Takes what the guest answers, or what the test says that it answers. */
export async function receiveFrom(
  bed: TestBed,
  { guest, sent }: SentGuest,
  answer?: AsyncIterable<Uint8Array>,
): Promise<Pulled> {
  const host = await openHost(bed.deps, sent, "box", never);
  try {
    const received = await receiveWork(host, answer ?? answerOf(guest, host));
    return { host, received, [Symbol.asyncDispose]: host.dispose };
  } catch (error) {
    await host.dispose();
    throw error;
  }
}

/** A stream of bytes that some guest could send. */
export async function* bytes(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, void> {
  for (const part of parts) yield Buffer.from(part as string);
}
