import { expect, test } from "bun:test";
import { fakeExec } from "../testing/exec.ts";
import { createToolCage, toolCage } from "./tool-cage.ts";

const whole = { landlock: 7, seccomp: true, namespaces: null, network: null, processes: null, signals: null };
const facts = { agent: "/l/banger-vsock-agent", cage: whole, program: ["/usr/bin/sqfstar"] };
const system =
  "--ro /usr --ro /bin --ro /sbin --ro /lib --ro /lib64 --ro /etc/ld.so.cache --ro /etc/alternatives --ro /nix/store";
const limits = "--limit address-space=68719476736 --limit open-files=512";

test("a tool can reach the system's programs, the files that it was given, and nothing else", () => {
  const access = { readOnly: ["/p"], readWrite: ["/p/out"], outputs: ["/c/a.sqfs"] };
  expect(toolCage(access, facts).join(" ")).toBe(
    `/l/banger-vsock-agent confine ${system} --ro /p --rw /p/out --out /c/a.sqfs --dev /dev/null --dev /dev/urandom ` +
      `--isolate all --network none ${limits} --profile tool --`,
  );
});

test("a tool that writes no files can't grow one, and others have the limit that they were given", () => {
  expect(toolCage({}, facts)).toContain("file-size=0");
  expect(toolCage({ outputs: ["/o"], largestFile: 4096 }, facts)).toContain("file-size=4096");
  expect(toolCage({ outputs: ["/o"] }, facts).join(" ")).not.toContain("file-size");
});

test("only a tool that needs child processes may have them", () => {
  expect(toolCage({ hasChildren: true }, facts)).toContain("tool-with-children");
  expect(toolCage({}, facts)).toContain("tool");
});

test("a program outside the system's folders is accessible too, by its name and its target", () => {
  const words = toolCage({}, { ...facts, program: ["/home/u/bin/git", "/opt/git/bin/git"] }).join(" ");
  expect(words).toContain("--ro /home/u/bin/git --ro /opt/git/bin/git");
});

test("a layer that the host lacks is not requested", () => {
  const wordsWith = (missing: object) => toolCage({}, { ...facts, cage: { ...whole, ...missing } }).join(" ");
  expect(wordsWith({ seccomp: false })).not.toContain("--profile");
  expect(wordsWith({ namespaces: "no" })).not.toContain("--isolate");
  expect(wordsWith({ network: "no" })).toContain("--isolate all-but-network");
});

function hostWith(answer: object | null, confinement: "auto" | "required" = "auto") {
  const exec = fakeExec({
    "/l/agent confine --check": answer === null ? { exitCode: 1 } : { stdout: JSON.stringify(answer) },
  });
  const which = async (tool: string) => (tool === "missing" ? null : "/usr/bin/env");
  return { exec, cage: createToolCage({ exec, which, agent: "/l/agent", confinement: async () => confinement }) };
}

test("the host's layers are probed once", async () => {
  const { exec, cage } = hostWith(whole, "required");
  expect((await cage.around("git", {}))[0]).toBe("/l/agent");
  await cage.around("xz", {});
  expect(await cage.missing()).toBeNull();
  expect(exec.calls).toEqual(["/l/agent confine --check"]);
});

test("without the agent a tool runs unconfined, and that is reported", async () => {
  const { cage } = hostWith(null);
  expect(await cage.around("git", {})).toEqual([]);
  expect(await cage.missing()).toBe("/l/agent does not answer");
});

test("a config that requires a whole cage refuses, naming the program", async () => {
  for (const answer of [null, { ...whole, landlock: 0 }]) {
    const error = await hostWith(answer, "required")
      .cage.around("git", {})
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFINEMENT_INCOMPLETE", message: expect.stringContaining("git can't be") });
  }
});

test("a tool that is not installed is reported by its own name", async () => {
  await expect(hostWith(whole).cage.around("missing", {})).rejects.toMatchObject({
    code: "TOOL_MISSING",
    details: { tool: "missing" },
  });
});
