/**
 * Applies everything that a guest's folder has, and kills itself on the way. Arguments: the test bed's folder, the guest's folder, the file
 * of `Sent`, and the step at which it ends: the number of files that were removed or begun.
 */
import { readFileSync } from "node:fs";
import { FolderWriter } from "../../../host/files/folder-writer.ts";
import { createExec } from "../../../host/process/exec-node.ts";
import { realCage } from "../../../host/testing/tool-cage.ts";
import type { TestBed } from "../../testing/repository.ts";
import { applyChanges } from "../apply.ts";
import { parseSent } from "../sent.ts";
import { judgedChanges } from "../work.ts";
import { receiveFrom } from "./guest.ts";

const [folder = "", guest = "", file = "", last = ""] = process.argv.slice(2);
const sent = parseSent(readFileSync(file, "utf8"));
if (sent === null) throw new Error("no record");
const home = `${folder}/home`;
const exec = createExec({ PATH: process.env["PATH"] ?? "", HOME: home });
const deps = { exec, cage: realCage(), home, scratch: `${folder}/scratch`, env: {} };
const bed: TestBed = { folder, home, deps, [Symbol.dispose]() {} };
await using pulled = await receiveFrom(bed, { guest, sent });
let steps = 0;
const step = () => {
  if (++steps === Number(last)) process.kill(process.pid, "SIGKILL");
};
const { startFile, remove } = FolderWriter.prototype;
FolderWriter.prototype.startFile = function (path) {
  const begun = startFile.call(this, path);
  step();
  return begun;
};
FolderWriter.prototype.remove = function (path) {
  remove.call(this, path);
  step();
};
const changes = await judgedChanges(pulled.received);
await applyChanges({ host: pulled.host, changes, vm: "box", applied: `${folder}/applied` });
