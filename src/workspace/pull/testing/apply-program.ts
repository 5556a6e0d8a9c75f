/** Applies everything that a guest's folder has, until the test ends it. Arguments: the test bed's folder, the guest's folder, the file of `Sent`. */
import { readFileSync } from "node:fs";
import { createExec } from "../../../host/process/exec-node.ts";
import { realCage } from "../../../host/testing/tool-cage.ts";
import type { TestBed } from "../../testing/repository.ts";
import { applyChanges } from "../apply.ts";
import { parseSent } from "../sent.ts";
import { judgedChanges } from "../work.ts";
import { receiveFrom } from "./guest.ts";

const [folder = "", guest = "", file = ""] = process.argv.slice(2);
const sent = parseSent(readFileSync(file, "utf8"));
if (sent === null) throw new Error("no record");
const home = `${folder}/home`;
const exec = createExec({ PATH: process.env["PATH"] ?? "", HOME: home });
const deps = { exec, cage: realCage(), home, scratch: `${folder}/scratch`, env: {} };
const bed: TestBed = { folder, home, deps, [Symbol.dispose]() {} };
await using pulled = await receiveFrom(bed, { guest, sent });
const changes = await judgedChanges(pulled.received);
await applyChanges({ host: pulled.host, changes, vm: "box", applied: `${folder}/applied` });
console.log("applied");
