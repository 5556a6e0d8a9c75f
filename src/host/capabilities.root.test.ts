/** What a program has of the capabilities of the service that started it: capabilities(7). */
import { expect } from "bun:test";
import { gatedTest } from "./testing/gate.ts";

/** CAP_NET_BIND_SERVICE */
const bind = "0000000000000400";
const none = "0000000000000000";

/** Prints its own capabilities and those of a program that it starts. */
const service = `
  const { giveUpInheritable } = await import(${JSON.stringify(new URL("./libc.ts", import.meta.url).pathname)});
  const { readFileSync } = await import("node:fs");
  const { spawnSync } = await import("node:child_process");
  const capabilities = (status) => Object.fromEntries([...status.matchAll(/^(Cap\\w+):\\s+(\\w+)$/gm)].map(([, key, value]) => [key, value]));
  const child = () => capabilities(spawnSync("/bin/cat", ["/proc/self/status"]).stdout.toString());
  const before = child();
  const given = giveUpInheritable();
  const own = capabilities(readFileSync("/proc/thread-self/status", "utf8"));
  console.log(JSON.stringify({ given, before, own, after: child() }));
`;

gatedTest("root", "the service keeps what it was given, and its children get nothing of it", () => {
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  const ambient = ["--inh-caps=-all,+net_bind_service", "--ambient-caps=+net_bind_service"];
  const argv = ["setpriv", ...nobody, ...ambient, process.execPath, "-e", service];
  const env = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", BUN_TMPDIR: "/tmp" };
  const { stdout, stderr } = Bun.spawnSync(argv, { env, cwd: "/" });
  expect(stderr.toString()).toBe("");
  const { given, before, own, after } = JSON.parse(stdout.toString());
  expect(given).toBe(true);
  expect(before).toMatchObject({ CapPrm: bind, CapEff: bind, CapAmb: bind });
  expect(own).toMatchObject({ CapPrm: bind, CapEff: bind, CapInh: none, CapAmb: none });
  expect(after).toMatchObject({ CapPrm: none, CapEff: none, CapInh: none, CapAmb: none });
});
