/** Commands in one running VM: statuses, streams, terminals, logs. */
import { beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { type Child, programs } from "./home.ts";
import { onTerminal } from "./pty.ts";

const mib = 1024 * 1024;

vmSuite("exec", (home) => {
  beforeAll(async () => {
    await home().ok(["vm", "create", "--name", "e", "--env", "KEPT=yes"]);
    await home().ok(["vm", "start", "--wait=agent", "e"]);
  }, 240_000);
  const exec = (...argv: string[]) => home().banger(["vm", "exec", "e", "--", ...argv]);

  const statuses: [what: string, argv: string[], status: number][] = [
    ["success", ["true"], 0],
    ["a status of its own", ["sh", "-c", "exit 3"], 3],
    ["the highest status", ["sh", "-c", "exit 255"], 255],
    ["death by SIGTERM", ["sh", "-c", "kill -TERM $$"], 128 + 15],
    ["death by SIGKILL", ["sh", "-c", "kill -KILL $$"], 128 + 9],
    ["a command that does not exist", ["no-such-command"], 127],
    ["a file that is not executable", ["/etc/hostname"], 126],
    ["a folder", ["/etc"], 126],
  ];
  for (const [what, argv, status] of statuses) {
    test(`${what} is status ${status}`, async () => {
      expect((await exec(...argv)).code).toBe(status);
    });
  }

  test("a missing command is reported with its name and a hint", async () => {
    const { stderr } = await exec("no-such-command");
    expect(stderr).toContain('"no-such-command" does not exist in the guest');
    expect(stderr).toContain("hint:");
  });

  test("stdout and stderr stay apart, and banger adds nothing to stdout", async () => {
    const { stdout, stderr } = await exec("sh", "-c", "echo out; echo err >&2");
    expect(stdout).toBe("out\n");
    expect(stderr).toBe("err\n");
  });

  test("argv reaches the command as it is: only the first -- is banger's", async () => {
    const { stdout } = await exec("printf", "%s|", "--", "a b", "", "$HOME", "--help", "*");
    expect(stdout).toBe("--|a b||$HOME|--help|*|");
  });

  test("every byte value goes in and out unchanged", async () => {
    const input = Uint8Array.from({ length: 256 * 8 }, (_, index) => index % 256);
    const { out } = await home().banger(["vm", "exec", "e", "--", "cat"], { input });
    expect(Buffer.from(out).equals(Buffer.from(input))).toBe(true);
  });

  test("64 MiB go in and come back with the same sha256", async () => {
    const input = randomBytes(64 * mib);
    const { out, code } = await home().banger(["vm", "exec", "e", "--", "cat"], { input, timeoutMs: 300_000 });
    expect(code).toBe(0);
    expect(out.length).toBe(input.length);
    expect(sha256(out)).toBe(sha256(input));
  }, 300_000);

  test("a slow reader on the host blocks the guest, and nothing is lost", async () => {
    const command = "head -c 67108864 /dev/zero | tr '\\0' 'x'; echo done >&2";
    const pipe = lazyPipe(home().folder);
    const child = home().spawn(["vm", "exec", "e", "--", "sh", "-c", command], { stdout: pipe.input });
    closeSync(pipe.input);
    await Bun.sleep(3000); // the point of the test: nothing is read for a while
    expect(child.exitCode).toBeNull();
    expect(await peakMemory(child)).toBeLessThan(256 * mib);
    expect(await pipe.count()).toBe(64 * mib);
    expect(await child.exited).toBe(0);
  }, 120_000);

  test("a slow reader in the guest blocks the host, in bounded memory", async () => {
    const child = home().spawn(["vm", "exec", "e", "--", "sh", "-c", "sleep 3; sha256sum"]);
    const input = randomBytes(64 * mib);
    const fed = (async () => {
      for (let at = 0; at < input.length; at += mib) {
        child.stdin.write(input.subarray(at, at + mib));
        await child.stdin.flush();
      }
      await child.stdin.end();
    })();
    await Bun.sleep(2500);
    expect(await peakMemory(child)).toBeLessThan(256 * mib);
    await fed;
    expect(await new Response(child.stdout).text()).toStartWith(sha256(input));
  }, 120_000);

  test("a command that does not read stdin ends though ours stays open", async () => {
    const child = home().spawn(["vm", "exec", "e", "--", "true"]);
    expect(await child.exited).toBe(0);
  });

  test("--env of the VM and of the session both reach the command; the session's wins", async () => {
    const show = ["--", "sh", "-c", 'echo "$KEPT $ONE"'];
    const { stdout } = await home().ok(["vm", "exec", "--env", "ONE=1", "e", ...show]);
    expect(stdout).toBe("yes 1\n");
    expect((await home().ok(["vm", "exec", "--env", "KEPT=no", "e", ...show])).stdout).toBe("no \n");
  });

  /** Runs through a shell, which can make any bytes from a printf(1) format; `$1`, `$2`, ... are the other arguments. */
  const withBytes = (script: string, ...formats: string[]) => {
    const words = formats.map((_, at) => `"$(printf "\${${at + 1}}")"`).join(" ");
    const { stdout, stderr } = Bun.spawnSync(["sh", "-c", `set -- ${words}; ${script}`, programs, ...formats], {
      env: home().env,
    });
    return { stdout: stdout.toString("latin1"), stderr: stderr.toString() };
  };

  test("arguments, variables and folders of any bytes arrive as they are", () => {
    const exec = '"$0/banger" vm exec';
    expect(withBytes(`${exec} e -- printf '%s|' "$1" "$2" "$3"`, "a\\377b", "\\303", "\\303\\251")).toEqual({
      stdout: "a\xffb|\xc3|\xc3\xa9|",
      stderr: "",
    });
    expect(withBytes(`${exec} -e "A.B-C=$1" -e "$2=x" e -- env`, "v\\376", "N\\375").stdout).toMatch(
      /^A\.B-C=v\xfe$[\s\S]*^N\xfd=x$/m,
    );
    expect(withBytes(`export V="$1"; ${exec} -e V e -- sh -c 'printf %s "$V"'`, "\\377 \\200").stdout).toBe(
      "\xff \x80",
    );
    withBytes(`${exec} e -- mkdir "/tmp/$1"`, "caf\\351");
    expect(withBytes(`${exec} --cwd "/tmp/$1" e -- pwd`, "caf\\351").stdout).toBe("/tmp/caf\xe9\n");
    expect(withBytes(`${exec} --user "$1" e -- true`, "u\\377").stderr).toContain("no user is named");
  });

  test("a file of variables, and a home folder, whose path is not UTF-8", () => {
    const file = `f="${home().folder}/$1"; echo my.name=1 > "$f"; "$0/banger" vm exec --env-file "$f" e -- env`;
    expect(withBytes(file, "e\\377").stdout).toContain("my.name=1\n");
    const { stderr } = withBytes(`XDG_STATE_HOME="/tmp/$1" "$0/banger" vm ls`, "s\\377");
    expect(stderr).toContain("error: banger refuses to use /tmp/s\\xff/banger: its path is not UTF-8\nhint:");
  });

  test("a command can be as long as Linux accepts", async () => {
    const longest = "x".repeat(131_071);
    expect((await exec("sh", "-c", 'printf %s "$1" | wc -c', "_", longest)).stdout).toBe("131071\n");
    expect((await exec("sh", "-c", "echo $#", "_", ...Array<string>(50_000).fill("a"))).stdout).toBe("50000\n");
    const args = ["vm", "exec", "--env", "BIG", "e", "--", "sh", "-c", 'printf %s "$BIG" | wc -c'];
    expect((await home().ok(args, { env: { BIG: longest.slice(4) } })).stdout).toBe("131067\n");
    // from a file, which can have more than the host's own limit
    const file = join(home().folder, "variables");
    writeFileSync(file, `${Array.from({ length: 18 }, (_, at) => `V${at}=${"x".repeat(123_000)}`).join("\n")}\n`);
    const refused = await home().banger(["vm", "exec", "--env-file", file, "e", "--", "true"]);
    expect([refused.code, refused.stderr]).toEqual([
      126,
      expect.stringContaining("and Linux takes up to 2097152 in all"),
    ]);
  });

  test("SIGINT is forwarded to the guest's command", async () => {
    const child = home().spawn([
      "vm",
      "exec",
      "e",
      "--",
      "sh",
      "-c",
      'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.1; done',
    ]);
    const reader = child.stdout.getReader();
    expect(text((await reader.read()).value)).toBe("ready\n");
    child.kill("SIGINT");
    expect(text((await reader.read()).value)).toBe("caught\n");
    expect(await child.exited).toBe(7);
  });

  test("a terminal has the size of ours, follows it, and passes colours through", async () => {
    const terminal = onTerminal(home(), ["vm", "exec", "e", "--", "bash", "-l"], { cols: 91, rows: 33 });
    await terminal.see(/[#$] $/);
    terminal.type("stty size\r");
    await terminal.see(/33 91\r\n/);
    terminal.resize(100, 40);
    terminal.type("stty size\r");
    await terminal.see(/40 100\r\n/);
    terminal.type("printf '\\033[31mred\\033[0m\\n'; tty\r");
    await terminal.see("\x1b[31mred\x1b[0m");
    await terminal.see(/\/dev\/pts\/\d/);
    terminal.type("exit 5\r");
    expect(await terminal.exited).toBe(5);
  }, 60_000);

  test("^C interrupts and ^Z suspends the command in the guest, not banger", async () => {
    const terminal = onTerminal(home(), ["vm", "exec", "e", "--", "bash", "-l"]);
    await terminal.see(/[#$] $/);
    // until the shell has given the terminal to the command, keys go to the shell
    const begins = async () => {
      terminal.type("sh -c 'echo beg''un; exec sleep 600'\r");
      await terminal.see(/begun\r\n/);
    };
    await begins();
    terminal.type("\x03");
    await terminal.see(/\^C[\s\S]*[#$] $/);
    terminal.type("echo status $?\r");
    await terminal.see(/status 130\r\n/);
    await begins();
    terminal.type("\x1a");
    await terminal.see(/Stopped[\s\S]*[#$] $/);
    terminal.type("exit 0\r");
    await terminal.see(/stopped jobs[\s\S]*[#$] $/);
    terminal.type("exit 0\r");
    expect(await terminal.exited).toBe(0);
  }, 60_000);

  test("the list has the VM with its size, in a table and as JSON", async () => {
    const { stdout } = await home().ok(["vm", "ls"]);
    expect(stdout).toMatch(/\be\b.*running.*debian-bookworm/);
    const list = await home().json<{ name: string; state: string; spec: { memoryMib: number } }[]>(["vm", "ls"]);
    expect(list.map((vm) => [vm.name, vm.state])).toEqual([["e", "running"]]);
    const shown = await home().json<{ spec: { env: Record<string, string> } }>(["vm", "show", "e"]);
    expect(shown.spec.env).toEqual({ KEPT: "yes" });
  });

  test("logs prints the console and the VMM's own log", async () => {
    expect((await home().ok(["vm", "logs", "e", "--vmm"])).code).toBe(0);
    const following = home().spawn(["vm", "logs", "e", "-f"]);
    const mark = "banger-log-mark";
    const seen = (async () => {
      let all = "";
      for await (const chunk of following.stdout) {
        all += text(chunk);
        if (all.includes(mark)) return true;
      }
      return false;
    })();
    await exec("sh", "-c", `echo ${mark} >/dev/console`);
    expect(await seen).toBe(true);
    expect((await home().ok(["vm", "logs", "e"])).stdout).toContain(mark);
    following.kill("SIGTERM");
    await following.exited;
  }, 30_000);
});

/**
 * A pipe that is not read until its bytes are counted. The runtime reads the output of its children ahead of the program,
 * so the reader is a process.
 */
function lazyPipe(folder: string): { input: number; count(): Promise<number> } {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const script = 'exec 3<"$0"; read -r _; wc -c <&3';
  const reader = Bun.spawn(["sh", "-c", script, path], { stdin: "pipe", stdout: "pipe" });
  const input = openSync(path, "w");
  return {
    input,
    async count() {
      reader.stdin.write("go\n");
      await reader.stdin.end();
      return Number(await new Response(reader.stdout).text());
    },
  };
}

function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** `VmHWM` of the process in bytes. */
async function peakMemory(child: Child): Promise<number> {
  const status = await Bun.file(`/proc/${child.pid}/status`).text();
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}
