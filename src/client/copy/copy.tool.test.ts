/** Copies both ways with the real agent, on folders of this host: what comes back is what went in. */
import { expect } from "bun:test";
import * as fs from "node:fs";
import { gatedTest } from "../../host/testing/gate.ts";
import { served } from "../../wire/agent/testing/served-agent.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { workspaceTar } from "../../workspace/stream.ts";
import { copyIn, type Guest } from "./into.ts";
import { copyOut } from "./out.ts";

const need = "tool:banger-vsock-agent";
const never = new AbortController().signal;
const quiet = () => {};

/** A guest whose root is this host's, and whose user is this process's. @param home absolute */
function guestOf(client: AgentClient, home: string): Guest {
  return { vm: "box", client, user: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, home } };
}

const put = (guest: Guest, sources: string[], target: string) =>
  copyIn({ workspaceTar }, guest, { sources, target }, quiet, never);
const get = (guest: Guest, source: string, target: string) =>
  copyOut(guest, { source, target, isOneOfSeveral: false }, quiet, never);

/** Kinds, modes, times, contents and link targets, by name. */
function picture(path: string, name = ""): string[] {
  const bytes = Buffer.from(path, "latin1");
  const stat = fs.lstatSync(bytes, { bigint: true });
  const mode = (Number(stat.mode) & 0o7777).toString(8);
  // the runtime does not let us set a link's time, and reading one is what is tested
  const line = `${name} ${mode} ${stat.mtimeNs}`;
  if (stat.isSymbolicLink()) return [`${line} -> ${fs.readlinkSync(bytes)}`];
  if (!stat.isDirectory()) return [`${line} ${Bun.hash(fs.readFileSync(bytes))} of ${stat.size}`];
  const names = fs.readdirSync(bytes, { encoding: "buffer" }).map((one) => one.toString("latin1"));
  return [line, ...names.sort().flatMap((one) => picture(`${path}/${one}`, `${name}/${one}`))];
}

function makeTree(path: string): void {
  fs.mkdirSync(`${path}/sub/deep/${"x".repeat(200)}/${"y".repeat(200)}`, { recursive: true });
  fs.mkdirSync(`${path}/private`, { mode: 0o500 });
  fs.writeFileSync(`${path}/run.sh`, "#!/bin/sh\n", { mode: 0o755 });
  fs.writeFileSync(`${path}/empty`, "");
  fs.writeFileSync(`${path}/big`, Buffer.alloc(3_000_001, "banger"));
  fs.writeFileSync(`${path}/sub/deep/${"x".repeat(200)}/${"y".repeat(200)}/f`, "long", { mode: 0o600 });
  fs.writeFileSync(Buffer.from(`${path}/\xff\n'"`, "latin1"), "odd name");
  fs.symlinkSync("../run.sh", `${path}/sub/link`);
  fs.symlinkSync("/nowhere", `${path}/broken`);
  fs.linkSync(`${path}/big`, `${path}/sub/big-too`);
  fs.utimesSync(`${path}/run.sh`, 1_500_000_000.25, 1_500_000_000.25);
  fs.utimesSync(`${path}/empty`, -5, -5);
  fs.utimesSync(`${path}/sub`, 1_400_000_000, 1_400_000_000);
}

gatedTest(need, "a folder there and back is the same: names, modes, times, links, contents", () =>
  served(async (connect, folder) => {
    const client = await connect(false);
    const guest = guestOf(client, `${folder}/home`);
    fs.mkdirSync(guest.user.home);
    makeTree(`${folder}/src`);
    await put(guest, [`${folder}/src`], "");
    expect(picture(`${folder}/home/src`)).toEqual(picture(`${folder}/src`));
    await get(guest, "src", `${folder}/back`);
    expect(picture(`${folder}/back`)).toEqual(picture(`${folder}/src`));
    await get(guest, `${folder}/src`, `${folder}/linked`);
    expect(fs.statSync(`${folder}/linked/big`).nlink).toBe(2);
    // over what is there already; the target itself is left as it is where only the content is asked for
    await get(guest, "src", folder);
    await get(guest, "src/.", `${folder}/back`);
    expect(picture(`${folder}/back`).slice(1)).toEqual(picture(`${folder}/src`).slice(1));
    client.destroy();
  }),
);

gatedTest(need, "files: renamed, replaced, into a folder through a link, from a folder with a slash", () =>
  served(async (connect, folder) => {
    const client = await connect(false);
    const guest = guestOf(client, folder);
    fs.mkdirSync(`${folder}/dst`);
    fs.symlinkSync("dst", `${folder}/link`);
    fs.writeFileSync(`${folder}/f`, "text", { mode: 0o640 });
    await put(guest, [`${folder}/f`], "link");
    await put(guest, [`${folder}/f`], "dst/renamed");
    await put(guest, [`${folder}/f`], "dst/renamed");
    await get(guest, "link/", `${folder}/out`);
    expect(fs.readdirSync(`${folder}/out`).sort()).toEqual(["f", "renamed"]);
    await get(guest, "dst/f", `${folder}/out/renamed`);
    expect(fs.readFileSync(`${folder}/out/renamed`, "utf8")).toBe("text");
    expect(fs.statSync(`${folder}/out/renamed`).mode & 0o777).toBe(0o640);
    client.destroy();
  }),
);

gatedTest(need, "what the agent refuses is said in words", () =>
  served(async (connect, folder) => {
    const client = await connect(false);
    const guest = guestOf(client, folder);
    fs.writeFileSync(`${folder}/f`, "text");
    fs.mkdirSync(`${folder}/d/f`, { recursive: true });
    const target = `${folder}/new`;
    await expect(get(guest, "none", target)).rejects.toMatchObject({ code: "COPY_MISSING" });
    await expect(get(guest, "f/x", target)).rejects.toMatchObject({ code: "COPY_FAILED" });
    await expect(get(guest, "f/", target)).rejects.toMatchObject({ details: { problem: "it is not a folder" } });
    await expect(get(guest, "/dev/null", target)).rejects.toMatchObject({
      details: { problem: "it is no file, folder or link" },
    });
    expect(fs.existsSync(target)).toBe(false);
    await expect(put(guest, [`${folder}/f`], "none/x")).rejects.toMatchObject({ code: "COPY_MISSING" });
    await expect(put(guest, [`${folder}/f`], "none/")).rejects.toMatchObject({ code: "COPY_TARGET" });
    await expect(put(guest, [`${folder}/d`], "f")).rejects.toMatchObject({ code: "COPY_TARGET" });
    await expect(put(guest, [`${folder}/f`], "d")).rejects.toMatchObject({
      code: "COPY_FAILED",
      message: expect.stringContaining("a folder is in its place"),
    });
    client.destroy();
  }),
);

gatedTest(need, "Ctrl-C while a file comes out leaves the old one, and nothing else", () =>
  served(async (connect, folder) => {
    const client = await connect(false);
    const guest = guestOf(client, folder);
    fs.writeFileSync(`${folder}/big`, Buffer.alloc(20_000_000, "new"));
    fs.mkdirSync(`${folder}/dst`);
    fs.writeFileSync(`${folder}/dst/big`, "old");
    const stop = new AbortController();
    const reason = new Error("enough");
    const copy = copyOut(
      guest,
      { source: "big", target: `${folder}/dst`, isOneOfSeveral: false },
      ({ kind, ...event }) =>
        kind === "progress" && "done" in event && Number(event.done) > 1_000_000 && stop.abort(reason),
      stop.signal,
    );
    await expect(copy).rejects.toBe(reason);
    expect(fs.readdirSync(`${folder}/dst`)).toEqual(["big"]);
    expect(fs.readFileSync(`${folder}/dst/big`, "utf8")).toBe("old");
    client.destroy();
  }),
);

gatedTest(need, "an agent that dies while a file comes out is a lost session, and leaves nothing", () =>
  served(async (connect, folder) => {
    const client = await connect(false);
    const guest = guestOf(client, folder);
    fs.writeFileSync(`${folder}/big`, Buffer.alloc(20_000_000, "new"));
    fs.mkdirSync(`${folder}/dst`);
    const copy = copyOut(
      guest,
      { source: "big", target: `${folder}/dst`, isOneOfSeveral: false },
      ({ kind, ...event }) =>
        kind === "progress" && "done" in event && Number(event.done) > 1_000_000 && client.destroy(),
      never,
    );
    await expect(copy).rejects.toMatchObject({ code: "SESSION_LOST" });
    expect(fs.readdirSync(`${folder}/dst`)).toEqual([]);
  }),
);
