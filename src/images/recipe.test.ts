/** The recipe with stand-ins for mmdebstrap and npm: what goes in, what comes out, and how it ends. */

import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { debianKeyring } from "../artifacts/debian/archive.ts";
import { isError } from "../base/errors/error.ts";
import { tarEvents } from "../formats/tar/events.ts";
import { anyTar, archive, file, folder } from "../formats/tar/testing/archive.ts";
import { createExec } from "../host/process/exec-node.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { uncaged } from "../host/testing/tool-cage.ts";
import type { WorkEvent } from "../model/event.ts";
import { openDebianRootfs } from "./recipe.ts";

const tree = archive([
  folder("."),
  folder("./etc"),
  folder("./etc/ssh"),
  file("./etc/ssh/ssh_host_rsa_key", "host key"),
  file("./etc/machine-id", "123"),
  folder("./usr"),
  file("./usr/program", "kept"),
]);

/** Programs of these names come first in PATH while `run` runs. */
async function withPrograms<T>(programs: Record<string, string>, run: (folder: string) => Promise<T>): Promise<T> {
  using temp = tempFolder();
  mkdirSync(`${temp.path}/bin`);
  writeFileSync(`${temp.path}/tree.tar`, tree);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(`${temp.path}/bin/${name}`, `#!/bin/sh\nH=${temp.path}\n${script}\n`);
    chmodSync(`${temp.path}/bin/${name}`, 0o755);
  }
  const path = process.env["PATH"];
  process.env["PATH"] = `${temp.path}/bin:${path}`;
  try {
    return await run(temp.path);
  } finally {
    process.env["PATH"] = path;
  }
}

function depsIn(temp: string) {
  mkdirSync(`${temp}/scratch`);
  return {
    exec: createExec(process.env as Record<string, string>),
    cage: uncaged,
    env: { http_proxy: "http://proxy.example.com", SECRET: "x" },
    uid: 0,
    now: () => Date.parse("2026-11-23T12:00:00Z"),
    scratch: async () => `${temp}/scratch`,
    fetchBytes: () => Promise.reject(new Error("not reached")),
  };
}

const aptConfig = "exit 0";
const reading = `[ "$1" = --version ] && exit 0\ncat > $H/stdin; env > $H/env; echo "$@" > $H/argv`;
const noNpm = "exit 1";

test.skipIf(!existsSync(debianKeyring))("our files are in the tree; a wrong mise fails the build", async () => {
  const programs = {
    "apt-config": aptConfig,
    npm: "echo changed > x.tgz; echo x.tgz",
    mmdebstrap: `${reading}\ncat $H/tree.tar`,
  };
  await withPrograms(programs, async (temp) => {
    const events: WorkEvent[] = [];
    const rootfs = await openDebianRootfs(
      depsIn(temp),
      { suite: "bookworm" },
      (e) => events.push(e),
      new AbortController().signal,
    );
    expect(rootfs.source).toBe("recipe debian-bookworm");
    const names: string[] = [];
    const read = async () => {
      for await (const event of tarEvents(rootfs.tar, anyTar)) if (event.kind === "entry") names.push(event.entry.name);
    };
    const error = await read().catch((thrown: unknown) => thrown);
    expect(isError(error, "DOWNLOAD_DAMAGED")).toBe(true);
    expect(names).toContain("./usr/program");
    expect(names).not.toContain("./etc/ssh/ssh_host_rsa_key");
    expect(names.filter((name) => name === "./etc/machine-id")).toHaveLength(1);
    expect(existsSync(`${temp}/scratch`)).toBe(false);
    const env = readFileSync(`${temp}/env`, "utf8");
    expect(env).toContain("http_proxy=http://proxy.example.com");
    expect(env).toContain(`SOURCE_DATE_EPOCH=${Date.parse("2026-11-23T00:00:00Z") / 1000}`);
    expect(env).not.toContain("SECRET");
    expect(readFileSync(`${temp}/stdin`, "utf8")).toContain("Suites: bookworm");
  });
});

test.skipIf(!existsSync(debianKeyring))("the error gives apt's reason when the build fails", async () => {
  const said =
    "echo 'I: running apt-get update...' >&2; echo 'E: Unable to locate package x' >&2; echo 'E: apt-get update failed' >&2; exit 25";
  await withPrograms({ "apt-config": aptConfig, npm: noNpm, mmdebstrap: `${reading}\n${said}` }, async (temp) => {
    const steps: string[] = [];
    const emit = (event: WorkEvent) => void (event.kind === "progress" && steps.push(event.text));
    const rootfs = await openDebianRootfs(depsIn(temp), { suite: "bookworm" }, emit, new AbortController().signal);
    const drain = async () => {
      for await (const _ of rootfs.tar);
    };
    const error = await drain().catch((thrown: unknown) => thrown);
    expect(isError(error, "IMAGE_BUILD_FAILED") && error.message).toContain("Unable to locate package x");
    expect(steps).toEqual(["reading Debian's package lists"]);
    expect(readdirSync(temp)).not.toContain("scratch");
  });
});

test.skipIf(!existsSync(debianKeyring))("leaving the stream early ends the programs", async () => {
  await withPrograms(
    { "apt-config": aptConfig, npm: noNpm, mmdebstrap: `${reading}\ncat $H/tree.tar; exec sleep 60` },
    async (temp) => {
      const rootfs = await openDebianRootfs(
        depsIn(temp),
        { suite: "bookworm" },
        () => {},
        new AbortController().signal,
      );
      for await (const _ of rootfs.tar) break;
      expect(existsSync(`${temp}/scratch`)).toBe(false);
    },
  );
});
