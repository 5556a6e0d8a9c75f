import { expect, test } from "bun:test";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { connectApi } from "./client.ts";
import { requests } from "./requests.ts";

/** A client, and the other end of its connection. */
function pair(answerMs?: number) {
  const [ours, theirs] = memoryPair();
  const asked: string[] = [];
  theirs.onData((chunk) => void asked.push(new TextDecoder().decode(chunk).split(" HTTP")[0] ?? ""));
  const say = (text: string) => void theirs.write(new TextEncoder().encode(text));
  return { api: connectApi(ours, answerMs), asked, say, theirs };
}

const done = "HTTP/1.1 204 \r\nServer: Firecracker API\r\n\r\n";
const json = (status: number, body: string) => `HTTP/1.1 ${status} \r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const failed = (message: string | RegExp) => ({ code: "VMM_START_FAILED", message: expect.stringMatching(message) });
const settled = () => new Promise((resolve) => setImmediate(resolve));
/** Noted now, awaited later: it may fail in between. */
const outcome = (asked: Promise<unknown>) =>
  asked.then(
    () => "done",
    (error: unknown) => error,
  );

test("one request is sent at a time, in order", async () => {
  const { api, asked, say } = pair();
  const both = Promise.all([api.ask(requests.entropy()), api.ask(requests.start())]);
  await settled();
  expect(asked).toEqual(["PUT /entropy"]);
  say(done);
  await settled();
  expect(asked).toEqual(["PUT /entropy", "PUT /actions"]);
  say(done);
  await both;
});

test("a refusal has Firecracker's words, as one line without control characters, and the next request is sent", async () => {
  const { api, say } = pair();
  const refused = outcome(api.ask(requests.entropy()));
  await settled();
  say(json(400, JSON.stringify({ fault_message: "no\u001b[31m entropy\nhere" })));
  const { message } = (await refused) as Error;
  expect(message).toMatch(/no.*entropy.*here$/);
  expect(message).toBe(message.replace(/\p{Cc}/gu, ""));
  expect(api.isUnresponsive).toBe(false);
  const next = api.ask(requests.start());
  await settled();
  say(done);
  await next;
});

test("a refusal without words has its status", async () => {
  for (const body of ["", "not json", "[]", '{"fault_message":7}']) {
    const { api, say } = pair();
    const refused = api.ask(requests.entropy());
    await settled();
    say(json(500, body));
    await expect(refused).rejects.toMatchObject(failed("PUT /entropy with status 500"));
  }
});

test("the state is one of three, and nothing else", async () => {
  const stateOf = async (body: string) => {
    const { api, say } = pair();
    const state = api.state();
    await settled();
    say(json(200, body));
    return state;
  };
  expect(await stateOf('{"state":"Paused"}')).toBe("Paused");
  for (const body of ['{"state":"paused"}', '{"state":{}}', "7", ""])
    await expect(stateOf(body)).rejects.toMatchObject(failed("state"));
});

test("after garbage, silence or an answer to nothing, the connection is over", async () => {
  const garbage = pair();
  const asked = garbage.api.ask(requests.entropy());
  await settled();
  garbage.say("\0\r\n\r\n");
  await expect(asked).rejects.toMatchObject(failed("HTTP"));
  const silent = pair(1);
  await expect(silent.api.ask(requests.start())).rejects.toMatchObject(failed("no answer to PUT /actions"));
  const eager = pair();
  eager.say(done);
  await eager.api.closed;
  for (const { api } of [garbage, silent, eager]) {
    expect(api.isUnresponsive).toBe(true);
    await expect(api.ask(requests.start())).rejects.toMatchObject({ code: "VMM_START_FAILED" });
  }
});

test("when the connection ends, waiting requests end with it", async () => {
  const { api, theirs } = pair();
  const asked = [api.ask(requests.entropy()), api.ask(requests.start())].map(outcome);
  await settled();
  theirs.destroy();
  for (const each of await Promise.all(asked)) expect((each as Error).message).toContain("closed");
});
