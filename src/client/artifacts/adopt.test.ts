import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import type { WorkEvent } from "../../model/event.ts";
import type { Api } from "../api.ts";
import { adoptArtifacts } from "./adopt.ts";

type Artifact = { name: string; source: string; kernel?: string | null; direct?: object | null };

/** A daemon that has these, and notes what is sent to it. */
function daemon(kernels: Artifact[], images: Artifact[], refuses: string[] = []) {
  const got: string[] = [];
  const api = {
    json: async (route: string) => (route === "listKernels" ? kernels : images),
    async *tar(route: string, { name }: { name: string }) {
      yield new TextEncoder().encode(`${route} ${name}`);
    },
    async upload(route: string, { name, source, query, tar }: Record<string, unknown>) {
      const words: string[] = [];
      for await (const chunk of tar as AsyncIterable<Uint8Array>) words.push(new TextDecoder().decode(chunk));
      const target = String(name ?? (query as { name: string }).name);
      if (refuses.includes(target)) throw fail("DISK_FULL", { path: "/var/cache/banger", during: "writing" });
      got.push(`${route} ${target} (${source}): ${words.join("")}`);
    },
  };
  return { api: api as unknown as Api, got };
}

const image = (name: string, more: Partial<Artifact> = {}) => ({
  name,
  source: "s",
  kernel: null,
  direct: null,
  ...more,
});

async function adopting(from: ReturnType<typeof daemon>, to: ReturnType<typeof daemon>) {
  const notes: string[] = [];
  const emit = (event: WorkEvent) => void (event.kind === "note" && notes.push(event.text));
  return { adopted: await adoptArtifacts(from.api, to.api, emit, new AbortController().signal), notes };
}

test("kernels come first, and what is there already is left", async () => {
  const from = daemon([image("k1"), image("k2")], [image("a"), image("b")]);
  const to = daemon([image("k2")], [image("b")]);
  const { adopted, notes } = await adopting(from, to);
  expect(to.got).toEqual(["importKernel k1 (s): exportKernel k1", "importArchive a (s): exportImage a"]);
  expect(adopted).toEqual({ images: ["a"], kernels: ["k1"], present: ["k2", "b"], failed: [] });
  expect(notes).toEqual([]);
});

test("one that fails does not keep the others, and is reported", async () => {
  const to = daemon([], [], ["a"]);
  const { adopted } = await adopting(daemon([], [image("a"), image("b")]), to);
  expect(adopted).toMatchObject({ images: ["b"], failed: [{ name: "a", error: { code: "DISK_FULL" } }] });
});

test("what an archive can't hold is said", async () => {
  const from = daemon([], [image("a", { kernel: "mine", direct: {} })]);
  const { notes } = await adopting(from, daemon([], []));
  expect(notes).toEqual([expect.stringContaining("--kernel mine"), expect.stringContaining("containers in a")]);
});
