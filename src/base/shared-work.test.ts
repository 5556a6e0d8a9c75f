import { expect, test } from "bun:test";
import { Deferred } from "./async.ts";
import { SharedWork } from "./shared-work.ts";

const never = new AbortController().signal;

test("two callers of one key share one run; later ones start another", async () => {
  const shared = new SharedWork<number>();
  let begun = 0;
  const gate = new Deferred<void>();
  const work = async () => {
    begun += 1;
    await gate.promise;
    return begun;
  };
  const both = [shared.run("a", never, work), shared.run("a", never, work), shared.run("b", never, work)];
  gate.resolve();
  await Promise.all(both);
  expect(begun).toBe(2);
  expect(await shared.run("a", never, work)).toBe(3);
});

test("a caller that gives up leaves the work to the others; the last one cancels it", async () => {
  const shared = new SharedWork<string>();
  const [first, second] = [new AbortController(), new AbortController()];
  const ended = new Deferred<string>();
  const work = (signal: AbortSignal) =>
    new Promise<string>((_, reject) =>
      signal.addEventListener("abort", () => {
        ended.resolve("ended");
        reject(signal.reason as Error);
      }),
    );
  const one = shared.run("a", first.signal, work);
  const two = shared.run("a", second.signal, work);
  first.abort(new Error("first"));
  await expect(one).rejects.toThrow("first");
  second.abort(new Error("second"));
  await expect(two).rejects.toThrow("second");
  expect(await ended.promise).toBe("ended");
});

test("all callers get the failure", async () => {
  const shared = new SharedWork<string>();
  const work = () => Promise.reject(new Error("broken"));
  const both = await Promise.allSettled([shared.run("a", never, work), shared.run("a", never, work)]);
  expect(both.map((one) => one.status)).toEqual(["rejected", "rejected"]);
});

test("with `again`, callers that joined failing work run their own, once; one that gave up does not", async () => {
  const shared = new SharedWork<string>("again");
  const gate = new Deferred<string>();
  const begun: string[] = [];
  const mine = (name: string, fails: boolean) => async () => {
    begun.push(name);
    if (fails) throw new Error(name);
    return name;
  };
  const stop = new AbortController();
  const leader = shared.run("a", never, () => gate.promise);
  const joined = [
    shared.run("a", never, mine("well", false)),
    shared.run("a", never, mine("badly", true)),
    shared.run("a", stop.signal, mine("given up", false)),
  ];
  const ends = Promise.allSettled([leader, ...joined]);
  stop.abort(new Error("stopped"));
  gate.reject(new Error("broken"));
  expect((await ends).map((end) => (end.status === "fulfilled" ? end.value : (end.reason as Error).message))).toEqual([
    "broken",
    "well",
    "badly",
    "stopped",
  ]);
  expect(begun).toEqual(["well", "badly"]);
});
