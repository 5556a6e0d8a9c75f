/** Folders that can't be removed, and sockets that are not the daemon's. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import net from "node:net";
import type { Home } from "../e2e/home.ts";
import type { Attack, Outcome } from "./report.ts";

/** What an ordinary process can leave in a folder of its own. */
const leftovers: Record<string, (folder: string) => void> = {
  "a folder of mode 0": (folder) => {
    mkdirSync(`${folder}/a/b`, { recursive: true });
    writeFileSync(`${folder}/a/b/f`, "x");
    chmodSync(`${folder}/a`, 0);
  },
  "folders of mode 0 in each other": (folder) => {
    mkdirSync(`${folder}/a/b/c`, { recursive: true });
    for (const path of ["a/b/c", "a/b", "a"]) chmodSync(`${folder}/${path}`, 0);
  },
  "a folder that can't be written to": (folder) => {
    mkdirSync(`${folder}/a`);
    writeFileSync(`${folder}/a/f`, "x", { mode: 0 });
    chmodSync(`${folder}/a`, 0o500);
  },
  "pipes, sockets and links": (folder) => {
    execFileSync("mkfifo", ["-m", "0", `${folder}/pipe`]);
    symlinkSync("/", `${folder}/root`);
    symlinkSync("loop", `${folder}/loop`);
  },
  "a name that is not UTF-8": (folder) =>
    execFileSync("mkdir", [Buffer.from(`${folder}/\xff\x1b[31m`, "latin1").toString("latin1")]),
  "folders 400 deep": (folder) => mkdirSync(`${folder}/${"d/".repeat(400)}`, { recursive: true }),
};

export function hostAttacks(home: () => Home): Attack[] {
  return [
    ...Object.entries(leftovers).map(([name, leave]) => swept(home, name, leave)),
    linkedMode(home),
    impostor(home, "in a folder that everybody can write to", (folder) => chmodSync(folder, 0o777)),
    impostor(home, "in a folder that its group can write to", (folder) => chmodSync(folder, 0o770)),
  ];
}

/** The next daemon starts, serves, and has removed it. */
function swept(home: () => Home, name: string, leave: (folder: string) => void): Attack {
  const run = async (): Promise<Outcome> => {
    const folder = vmFolder(home());
    leave(folder);
    const listed = await home().banger(["vm", "list"], { timeoutMs: 30_000 });
    const again = await home().banger(["vm", "list"], { timeoutMs: 30_000 });
    const stays = existsSync(folder);
    if (stays) execFileSync("chmod", ["-R", "u+rwx", folder]);
    const held = listed.code === 0 && again.code === 0 && !stays;
    return { held, seen: held ? "the daemon starts, and has removed it" : `${listed.stderr.trim()} stays: ${stays}` };
  };
  return { name: `leaves ${name}`, run };
}

/** Modes are repaired on the way to a removal: not those of what a link leads to. */
function linkedMode(home: () => Home): Attack {
  const run = async (): Promise<Outcome> => {
    const outside = `${home().folder}/outside`;
    mkdirSync(outside);
    writeFileSync(`${outside}/key`, "x", { mode: 0o400 });
    chmodSync(outside, 0o500);
    const folder = vmFolder(home());
    mkdirSync(`${folder}/a`);
    symlinkSync(outside, `${folder}/a/link`);
    chmodSync(`${folder}/a`, 0);
    const listed = await home().banger(["vm", "list"], { timeoutMs: 30_000 });
    const modes = [outside, `${outside}/key`].map((path) => (statSync(path).mode & 0o777).toString(8)).join(" ");
    chmodSync(outside, 0o700);
    return { held: listed.code === 0 && modes === "500 400", seen: `modes outside: ${modes}` };
  };
  return { name: "leaves a link to a folder of the user's in a folder of mode 0", run };
}

/** Somebody listens where the daemon's socket belongs; nothing may be sent there. */
function impostor(home: () => Home, where: string, open: (folder: string) => void): Attack {
  const run = async (): Promise<Outcome> => {
    const folder = `${home().folder}/r/banger`;
    mkdirSync(folder, { mode: 0o700 });
    let received = 0;
    const server = net.createServer((socket) => void socket.on("data", (chunk) => (received += chunk.length)));
    await new Promise<void>((resolve) => server.listen(`${folder}/bangerd.sock`, resolve));
    open(folder);
    const pull = ["image", "pull", "example.com/x/y:1", "--username", "u", "--password-stdin"];
    const pulled = await home().banger(pull, { input: "secret", timeoutMs: 15_000 });
    server.close();
    rmSync(folder, { recursive: true, force: true });
    const held = received === 0 && pulled.code !== 0 && pulled.code !== null;
    return { held, seen: `${received} bytes were sent, exit ${pulled.code}` };
  };
  return { name: `listens at the daemon's socket ${where}`, run };
}

function vmFolder(home: Home): string {
  const folder = `${home.folder}/s/banger/vms/abcd2345`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}
