/** What is missing is obtained on the way: by a daemon that is a table of answers, and recipes that are streams. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import { type BangerError, fail } from "../../base/errors/error.ts";
import type { WorkEvent } from "../../model/event.ts";
import type { Api } from "../api.ts";
import type { ArtifactSource } from "../dependencies.ts";
import { withArtifacts } from "./missing.ts";
import type { ArtifactNeeds } from "./obtain.ts";

const never = new AbortController().signal;
const noImage = (ways: { recipe?: string; pull?: string }) => fail("IMAGE_NOT_FOUND", { name: "tool", ...ways });

type Answers = {
  /** by route: what the daemon answers, or throws */
  routes: Record<string, (signal: AbortSignal) => unknown>;
  source?: Partial<ArtifactSource>;
};

/** @returns what was asked of the daemon and of the recipes, in order */
function world({ routes, source }: Answers): { needs: ArtifactNeeds; asked: string[]; events: WorkEvent[] } {
  const asked: string[] = [];
  const events: WorkEvent[] = [];
  const answer = async (route: string, target: { name?: string } = {}, signal = never) => {
    asked.push(target.name === undefined ? route : `${route} ${target.name}`);
    return routes[route]?.(signal);
  };
  const api = {
    json: (route: string) => answer(route),
    work: async (route: string, target: { name?: string }, _emit: unknown, signal: AbortSignal) => ({
      value: await answer(route, target, signal),
    }),
    async upload(route: string, what: { name?: string; tar: AsyncIterable<Uint8Array> }) {
      const stream = what.tar[Symbol.asyncIterator]();
      await stream.next();
      // gives it up, and does not wait for its end
      void stream.return?.();
      return answer(route, what);
    },
  } as unknown as Api;
  const notThere = async () => {
    throw new Error("not in this test");
  };
  const needs = { buildImage: notThere, fetchKernel: notThere, registryCredential: async () => null, ...source, api };
  return { needs, asked, events };
}

/** Fails with each of the errors, then succeeds. */
function attempts(...errors: BangerError[]): () => Promise<string> {
  return async () => {
    const error = errors.shift();
    if (error) throw error;
    return "done";
  };
}

test("an image that a recipe makes is pulled, with the default kernel beside it, and the work done again", async () => {
  const { needs, asked } = world({ routes: { listKernels: () => [] } });
  const tries = attempts(noImage({ recipe: "debian-bookworm" }));
  expect(await withArtifacts(needs, () => {}, never, tries)).toBe("done");
  expect(asked).toEqual(["listKernels", "pullImage tool", "pullKernel debian-bookworm-cloud"]);
});

test.each([
  ["a kernel that is there is not fetched", { recipe: "debian-bookworm" }, [{ name: "debian-bookworm-cloud" }]],
  ["a name that may not exist is no reason to fetch a kernel", {}, []],
])("%s", async (_what, ways, kernels) => {
  const { needs, asked } = world({ routes: { listKernels: () => kernels } });
  await withArtifacts(needs, () => {}, never, attempts(noImage(ways)));
  expect(asked.filter((one) => one !== "listKernels")).toEqual(["pullImage tool"]);
});

test("what is still missing once it was obtained is the failure, and so is any other", async () => {
  const { needs, asked } = world({ routes: {} });
  const again = noImage({});
  await expect(withArtifacts(needs, () => {}, never, attempts(noImage({}), again))).rejects.toBe(again);
  expect(asked).toEqual(["pullImage tool"]);
  const other = fail("VM_NAME_TAKEN", { name: "web" });
  await expect(withArtifacts(needs, () => {}, never, attempts(other))).rejects.toBe(other);
});

test("what no catalog has is made here, after a note, and sent under its own name", async () => {
  const missing = () => {
    throw fail("KERNEL_NOT_FOUND", { name: "k", recipe: "debian-trixie-cloud" });
  };
  const { needs, asked, events } = world({
    routes: { pullKernel: missing },
    source: {
      fetchKernel: async (wanted) => ({ name: `made of ${wanted}`, source: "debian", tar: chunks() }),
    },
  });
  const emit = (event: WorkEvent) => void events.push(event);
  await withArtifacts(needs, emit, never, attempts(fail("KERNEL_NOT_FOUND", { name: "k" })));
  expect(asked).toEqual(["pullKernel k", "importKernel made of debian-trixie-cloud"]);
  expect(events).toEqual([
    { kind: "note", level: "info", text: "fetching kernel debian-trixie-cloud from Debian, once" },
  ]);
});

test("when one of the two fails the other is given up, and has ended before the failure is told", async () => {
  const isPulling = new Deferred<void>();
  let hasEnded = false;
  const { needs } = world({
    routes: {
      listKernels: () => [],
      pullKernel: async () => {
        await isPulling.promise;
        throw fail("DISK_FULL", { path: "/k", during: "pulling a kernel" });
      },
      pullImage: (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", async () => {
            await nextTurn();
            hasEnded = true;
            reject(signal.reason);
          });
          isPulling.resolve();
        }),
    },
  });
  const work = withArtifacts(needs, () => {}, never, attempts(noImage({ recipe: "debian-bookworm" })));
  await expect(work).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(hasEnded).toBe(true);
});

test("a recipe whose image is refused has tidied up when the refusal is told", async () => {
  let isTidy = false;
  const { needs } = world({
    routes: {
      listKernels: () => [{ name: "debian-bookworm-cloud" }],
      pullImage: () => {
        throw noImage({ recipe: "debian-bookworm" });
      },
      importImage: () => {
        throw fail("IMAGE_INVALID", { name: "debian-bookworm", problem: "it is empty" });
      },
    },
    source: {
      buildImage: async () => ({
        source: "recipe",
        tar: chunks(async () => {
          await nextTurn();
          isTidy = true;
        }),
      }),
    },
  });
  const work = withArtifacts(needs, () => {}, never, attempts(noImage({ recipe: "debian-bookworm" })));
  await expect(work).rejects.toMatchObject({ code: "IMAGE_INVALID" });
  expect(isTidy).toBe(true);
});

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function* chunks(atEnd: () => Promise<void> = async () => {}): AsyncGenerator<Uint8Array> {
  try {
    yield new Uint8Array(512);
    yield new Uint8Array(512);
  } finally {
    await atEnd();
  }
}
