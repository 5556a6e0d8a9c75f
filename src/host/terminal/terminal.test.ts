/** The terminal code in a real process, on a pseudo-terminal and on pipes. */
import { afterEach, expect, test } from "bun:test";
import { tempFolder } from "../testing/temp.ts";

const program = new URL("../testing/terminal-program.ts", import.meta.url).pathname;
const children: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

type Keyboard = {
  child: Bun.Subprocess;
  type(keys: string): void;
  resize(cols: number, rows: number): void;
  see(text: string): Promise<void>;
  /** stty's present output for the terminal */
  modes(): string;
};

function onTerminal(): Keyboard {
  let text = "";
  let wake = () => {};
  const child = Bun.spawn([process.execPath, program, "keys"], {
    terminal: {
      cols: 80,
      rows: 24,
      data: (_terminal: unknown, bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
        wake();
      },
    },
  });
  children.push(child);
  const { terminal } = child;
  if (!terminal) throw new Error("no terminal");
  return {
    child,
    type: (keys) => void terminal.write(keys),
    resize: (cols, rows) => terminal.resize(cols, rows),
    async see(wanted) {
      while (!text.includes(wanted)) await new Promise<void>((resolve) => (wake = resolve));
      text = text.slice(text.indexOf(wanted) + wanted.length);
    },
    modes() {
      const said = Bun.spawnSync(["stty", "-a", "-F", `/proc/${child.pid}/fd/0`]).stdout.toString();
      return (said.match(/-?(?:icanon|isig|echo|opost)\b/g) ?? []).join(" ");
    },
  };
}

/** The output on a terminal that a script has until it ends. @param onText called each time with all output so far */
async function seenOf(
  script: string,
  onText: (text: string, terminal: Bun.Terminal) => void = () => {},
): Promise<string> {
  let text = "";
  const child = Bun.spawn(["sh", "-c", script, process.execPath, program], {
    terminal: {
      cols: 80,
      rows: 24,
      data: (terminal, bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
        onText(text, terminal);
      },
    },
  });
  children.push(child);
  await child.exited;
  return text;
}

const cooked = "opost isig icanon echo";
const raw = "-opost -isig -icanon -echo";

async function stateOf(pid: number, wanted: string): Promise<void> {
  const state = async () => (await Bun.file(`/proc/${pid}/stat`).text()).split(") ")[1]?.charAt(0);
  while ((await state()) !== wanted) await new Promise((resolve) => setImmediate(resolve));
}

test("raw: ^C and ^Z are keys, and changes of the window's size are reported", async () => {
  const { type, see, resize, child, modes } = onTerminal();
  await see("ready");
  expect(modes()).toBe(raw);
  type("\x03");
  await see("key 03");
  type("\x1a");
  await see("key 1a");
  resize(100, 40);
  await see("size 100x40");
  resize(101, 41);
  await see("size 101x41");
  type("q");
  expect(await child.exited).toBe(3);
});

test("a program that is stopped from outside restores the terminal, and makes it raw again", async () => {
  const { type, see, resize, child, modes } = onTerminal();
  await see("ready");
  child.kill("SIGTSTP");
  await stateOf(child.pid, "T");
  expect(modes()).toBe(cooked);
  resize(90, 30);
  child.kill("SIGCONT");
  await see("size 90x30");
  type("a");
  // the system chooses which of the two signals is handled first: a key that is read proves that both were
  await see("key 61");
  expect(modes()).toBe(raw);
  type("q");
  expect(await child.exited).toBe(3);
});

test("a job in the background leaves the terminal alone, runs, and uses it when it is moved to the foreground", async () => {
  let text = "";
  let typed = 0;
  // typed once that is there; raw mode begins by reading the window's size
  const steps = [
    [/\$ $/, '"$P" "$1" keys &\n'],
    [/ready/, "jobs; stty -a\n"],
    [/Running[\s\S]*\nisig[\s\S]*\$ $/, "fg\n"],
    [/fg[\s\S]*size 200x24/, "q"],
    [/key 71[\s\S]*\$ $/, "exit 5\n"],
  ] as const;
  const child = Bun.spawn(["bash", "--norc", "-i", "-s", program], {
    env: { ...process.env, P: process.execPath, PS1: "$ ", TERM: "dumb" },
    terminal: {
      cols: 200,
      rows: 24,
      data: (terminal, bytes: Uint8Array) => {
        text += new TextDecoder().decode(bytes);
        const [seen, keys] = steps[typed] ?? [/never$/, ""];
        if (!seen.test(text)) return;
        typed += 1;
        terminal.write(keys);
      },
    },
  });
  children.push(child);
  expect(await child.exited).toBe(5);
  expect(text).not.toContain("Stopped");
});

test("a terminal that hangs up silently is the end of input, and hasHungUp reports it", async () => {
  using folder = tempFolder();
  const file = `${folder.path}/said`;
  let isReady = false;
  const child = Bun.spawn(["sh", "-c", 'trap "" HUP; exec "$0" "$1" keys "$2"', process.execPath, program, file], {
    terminal: {
      data: (terminal, bytes: Uint8Array) => {
        isReady ||= new TextDecoder().decode(bytes).includes("ready");
        if (isReady) terminal.close();
      },
    },
  });
  children.push(child);
  expect(await child.exited).toBe(4);
  expect(await Bun.file(file).text()).toBe("gone");
});

test("a crash leaves the terminal as it was", async () => {
  let isReady = false;
  // the shell keeps the terminal open, so that it can be checked afterwards
  const text = await seenOf('"$0" "$1" keys; echo; stty -a', (soFar, terminal) => {
    if (!isReady && soFar.includes("ready")) terminal.write("x");
    isReady = soFar.includes("ready");
  });
  expect(text).toContain("on purpose");
  expect((text.match(/-?(?:icanon|isig|echo|opost)\b/g) ?? []).join(" ")).toEndWith(cooked);
});

test.each([
  ['"$0" "$1" tell', "true true true"],
  ['"$0" "$1" tell </dev/null 2>/dev/null', "false true false"],
  ['echo | "$0" "$1" tell 2>/dev/full', "false true false"],
  ['"$0" "$1" tell | cat', "true false true"],
  ['"$0" "$1" tell <&- 2>&-', "false true false"],
])("which are terminals: %s", async (script, expected) => {
  expect(await seenOf(script)).toContain(expected);
});

test.each([
  ["a pipe", 'printf "one\\ntwo\\n" | "$0" "$1" copy', "one\ntwo\nend\n"],
  ["a file, from where it was left", '{ read -r first; "$0" "$1" copy; } < "$2"', "two\nend\n"],
  ["nothing", '"$0" "$1" copy </dev/null', "end\n"],
  ["a folder", '"$0" "$1" copy </', "end\n"],
  ["what is closed", '"$0" "$1" copy <&-', "end\n"],
])("input is read to its end: %s", async (_, script, expected) => {
  using folder = tempFolder();
  await Bun.write(`${folder.path}/lines`, "one\ntwo\n");
  const child = Bun.spawn(["bash", "-c", script, process.execPath, program, `${folder.path}/lines`]);
  children.push(child);
  expect(await child.stdout.text()).toBe(expected);
  expect(await child.exited).toBe(0);
});

test("what is printed before the end arrives, however slow the reader", async () => {
  const script = '"$0" "$1" flood 20000 | (sleep 0.2; wc -c)';
  const child = Bun.spawn(["sh", "-c", script, process.execPath, program], { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("2000000\n");
  expect(await new Response(child.stderr).text()).toBe("all written");
});

test("a closed reader is reported by flush, and by nothing else", async () => {
  const script = '"$0" "$1" flood 20000 | head -c 5';
  const child = Bun.spawn(["sh", "-c", script, process.execPath, program], { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(child.stdout).text()).toBe("xxxxx");
  expect(await new Response(child.stderr).text()).toBe("EPIPE");
});

test("a full disk is reported by flush", async () => {
  const script = '"$0" "$1" flood 1 >/dev/full';
  const child = Bun.spawn(["sh", "-c", script, process.execPath, program], { stdout: "pipe", stderr: "pipe" });
  expect(await new Response(child.stderr).text()).toBe("ENOSPC");
});
