/** What the daemon really answers is what the schemas say, with nothing more and nothing less. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { byRoute } from "../api/answers.ts";
import { workEvent } from "../api/events.ts";
import { type ApiRoute, type RouteName, routes } from "../api/routes.ts";
import { saving } from "../machines/testing/saving.ts";
import { ask } from "./testing/client.ts";
import { type Served, serve } from "./testing/serve.ts";

let served: Served;
beforeAll(async () => {
  served = await serve({ host: saving() });
});
afterAll(() => served.close());

type Call = [route: RouteName, name: string, body?: unknown, query?: string];

const publish = [{ address: "127.0.0.1", hostPort: 8080, guestPort: 80 }];
const vm = { name: "web", start: true, wait: "agent", publish, forward: false };
/** In an order in which each works; the last part of a path is filled in from earlier answers. */
const calls: Call[] = [
  ["daemonInfo", ""],
  ["host", ""],
  ["createVm", "", vm],
  ["listVms", ""],
  ["showVm", "web"],
  ["portsVm", "web"],
  ["pauseVm", "web", {}],
  ["resumeVm", "web", {}],
  ["snapshotVm", "web", { name: "s1" }],
  ["snapshotsOfVm", "web"],
  ["listSnapshots", ""],
  ["restoreVm", "web", { snapshot: "s1" }],
  ["deleteSnapshot", "{snapshot}"],
  ["forkVm", "web", { names: ["child"] }],
  ["suspendVm", "web", {}],
  ["startVm", "web", { wait: "agent" }],
  ["restartVm", "web", { wait: "agent" }],
  ["noteSyncedPaths", "web", { paths: ["/root/.x"], isComplete: true }],
  ["renameVm", "web", { name: "db" }],
  ["stopVm", "db", {}],
  ["waitVm", "db"],
  ["saveVm", "db", { image: "saved" }],
  ["killVm", "child", {}],
  ["deleteVm", "child"],
  ["listTemplates", ""],
  ["showTemplate", "{template}"],
  ["warmTemplate", "", {}],
  ["deleteTemplate", "{template}"],
  ["listImages", ""],
  ["showImage", "debian-bookworm", undefined, "verify=1"],
  ["tagImage", "debian-bookworm", { name: "other" }],
  ["importImage", "mine", "tar"],
  ["importArchive", "", "tar"],
  ["importDisk", "disk", "tar"],
  ["pullImage", "registry.example%2Fa%2Fb", {}],
  ["deleteImage", "mine"],
  ["pruneImages", "", { dryRun: true }],
  ["listCatalog", ""],
  ["listKernels", ""],
  ["importKernel", "k", "tar"],
  ["showKernel", "k"],
  ["deleteKernel", "k"],
  ["daemonStop", "", {}],
];

/** They stay open, or need what a host in memory does not have. */
const others = new Set<RouteName>(["holdVm", "pullKernel"]);

const seen: Record<string, string> = {};

test("a body that a route does not take is not read", async () => {
  const answer = await ask(served.socket, "DELETE", "/v1/kernels/none", { force: true });
  expect(answer.status).toBe(404);
});

for (const [route, name, body, query] of calls) {
  test(`${route}: ${JSON.stringify(body ?? {})}`, async () => {
    const { method, path } = routes[route] as ApiRoute;
    const filled = name.replace(/\{(\w+)\}/, (_, kind: string) => encodeURIComponent(seen[kind] ?? ""));
    const headers = body === "tar" ? { "content-type": "application/x-tar" } : {};
    const at = `${path.replace("{name}", filled)}${query ? `?${query}` : ""}`;
    const answer = await ask(served.socket, method, at, body, headers);
    expect(answer.status).toBe(200);
    for (const line of answer.lines.slice(0, -1)) expect(workEvent.safeParse(line).error?.issues ?? []).toEqual([]);
    const last = answer.lines.at(-1) as { kind?: string; value?: unknown; error?: unknown } | undefined;
    const value = answer.headers["content-type"] === "application/x-ndjson" ? last?.value : answer.json;
    const checked = byRoute[route as keyof typeof byRoute].safeParse(value);
    expect(checked.error?.issues ?? last?.error ?? []).toEqual([]);
    note(route, value);
  });
}

function note(route: RouteName, value: unknown): void {
  if (route === "snapshotVm") seen["snapshot"] = (value as { id: string }).id;
  const [first] = route === "listTemplates" ? (value as { key: string }[]) : [];
  if (first) seen["template"] = first.key.slice("sha256:".length);
}

test("every route that answers a value is asked", () => {
  const asked = new Set(calls.map(([route]) => route));
  expect(
    Object.keys(byRoute).filter((name) => !asked.has(name as RouteName) && !others.has(name as RouteName)),
  ).toEqual([]);
});
