/** `banger vm …` */
import { buildRouteMap } from "@stricli/core";
import { create } from "./vm/create.ts";
import { remove } from "./vm/delete.ts";
import { exec } from "./vm/exec.ts";
import { fork } from "./vm/fork.ts";
import { kill } from "./vm/kill.ts";
import { list } from "./vm/list.ts";
import { logs } from "./vm/logs.ts";
import { pause } from "./vm/pause.ts";
import { rename } from "./vm/rename.ts";
import { restart } from "./vm/restart.ts";
import { restore } from "./vm/restore.ts";
import { resume } from "./vm/resume.ts";
import { run } from "./vm/run.ts";
import { save } from "./vm/save.ts";
import { show } from "./vm/show.ts";
import { snapshot } from "./vm/snapshot.ts";
import { ssh } from "./vm/ssh.ts";
import { start } from "./vm/start.ts";
import { stop } from "./vm/stop.ts";
import { suspend } from "./vm/suspend.ts";
import { wait } from "./vm/wait.ts";

export const vm = buildRouteMap({
  routes: {
    run,
    create,
    start,
    stop,
    restart,
    kill,
    delete: remove,
    rename,
    save,
    pause,
    resume,
    suspend,
    snapshot,
    restore,
    fork,
    list,
    show,
    wait,
    ssh,
    exec,
    logs,
  },
  aliases: { ls: "list", rm: "delete" },
  docs: { brief: "virtual machines" },
});
