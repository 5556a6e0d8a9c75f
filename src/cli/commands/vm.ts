/** `banger vm …` */
import { parseImageName, parseSnapshotName, parseVmName } from "../../base/names.ts";
import { command, group } from "../command.ts";
import { parseCount, parseDepth } from "../flags.ts";
import {
  coldFlag,
  createFlags,
  dockers,
  forceAliases,
  forceFlag,
  graceFlag,
  jsonFlag,
  optional,
  positionals,
  repeated,
  required,
  sessionAliases,
  sessionFlags,
  several,
  switched,
  syncFlag,
  text,
  ttyFlag,
  valued,
  vmName,
  vmNames,
  waitFlag,
} from "../parameters.ts";
import { workspace } from "./workspace.ts";

const run = command({
  loader: async () => (await import("./vm/run.run.ts")).run,
  parameters: {
    flags: {
      ...createFlags,
      ...waitFlag,
      ...coldFlag,
      rm: switched("delete the VM when the session ends, for whatever reason"),
      detach: switched("leave the VM running and return at once"),
      includeUntracked: switched("also send untracked files; ignored files are never sent"),
      dryRun: switched("print what would be sent, and create nothing"),
      branch: text("create this branch in the guest and check it out", "NAME"),
      withBranch: repeated(
        "also send this branch's history (default: the upstream and the remote's default branch)",
        "NAME",
      ),
      from: text("send the tree of this commit, without uncommitted edits", "REF"),
      depth: valued("number of commits of history to send (default: all)", "N", parseDepth),
      pull: switched("when the command has ended, bring the work back as `vm workspace pull` does"),
      entrypoint: text("run this program as PID 1 in place of the image's; its arguments follow --", "PROGRAM"),
      init: switched("run the image's own command as PID 1, even if the image has a shell"),
      ...ttyFlag,
    },
    positional: positionals(optional("FOLDER", "repository or folder to copy to /root/repo in the VM")),
    aliases: { d: "detach", e: "env", n: "noStdin", p: "publish", t: "tty" },
  },
  docs: {
    brief: "create a VM, and run a shell or a command in it",
    description:
      "create a VM, copy a repository or a folder into it, and run a shell or a command there; " +
      "banger exits with the exit code of the command",
    guestCommand: "optional",
    examples: [
      ["banger vm run", "a shell in a new VM"],
      ["banger vm run --rm ./repo -- make test", "one command in a repository, then delete the VM"],
      ["banger vm run --rm --pull ./repo -- make fmt", "the same, and its changes come back"],
      ["banger vm run --name box --detach", "leave a VM running in the background"],
      ["banger vm run --image docker.io/library/python:3.13 -- python3", "a VM from a container image"],
      ["banger vm run --publish 8080:3000 ./repo -- npm start", "port 3000 of the VM at port 8080 of this host"],
      ["banger vm run --dry-run ./repo", "list the files that would be copied"],
    ],
  },
});

const create = command({
  loader: async () => (await import("./vm/create.run.ts")).create,
  parameters: { flags: createFlags, aliases: { e: "env", p: "publish" } },
  docs: { brief: "create a VM without starting it" },
});

const start = command({
  loader: async () => (await import("./vm/start.run.ts")).start,
  parameters: { flags: { ...waitFlag, ...coldFlag, ...syncFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "start VMs" },
});

const stop = command({
  loader: async () => (await import("./vm/stop.run.ts")).stop,
  parameters: { flags: { ...graceFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "shut VMs down, and cut their power after a grace period" },
});

const restart = command({
  loader: async () => (await import("./vm/restart.run.ts")).restart,
  parameters: { flags: { ...graceFlag, ...waitFlag, ...jsonFlag }, positional: vmNames },
  docs: { brief: "stop VMs and start them again" },
});

const kill = command({
  loader: async () => (await import("./vm/kill.run.ts")).kill,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "cut the power of VMs at once" },
});

const remove = command({
  loader: async () => (await import("./vm/delete.run.ts")).remove,
  parameters: {
    flags: { force: dockers("they are deleted while they run anyway"), ...jsonFlag },
    positional: vmNames,
    aliases: { f: "force" },
  },
  docs: { brief: "delete VMs and their disks, even while they run" },
});

const rename = command({
  loader: async () => (await import("./vm/rename.run.ts")).rename,
  parameters: {
    flags: jsonFlag,
    positional: positionals(required("VM", "name of a VM"), required("NEW", "its new name")),
  },
  docs: { brief: "rename a VM" },
});

const save = command({
  loader: async () => (await import("./vm/save.run.ts")).save,
  parameters: {
    flags: {
      withSyncedFiles: switched("also keep what [[file_sync]] copied into the VM, such as credentials"),
      ...jsonFlag,
    },
    positional: positionals(
      required("VM", "name of a stopped VM"),
      required("NAME", "name of the new image", parseImageName),
    ),
  },
  docs: {
    brief: "make an image of a stopped VM",
    examples: [["banger vm stop box && banger vm save box mine", "keep a VM's file system as the image `mine`"]],
  },
});

const pause = command({
  loader: async () => (await import("./vm/pause.run.ts")).pause,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "pause VMs; they stay in memory" },
});

const resume = command({
  loader: async () => (await import("./vm/resume.run.ts")).resume,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "resume paused VMs" },
});

const suspend = command({
  loader: async () => (await import("./vm/suspend.run.ts")).suspend,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "save VMs to disk and free their memory; the next use wakes them" },
});

const snapshot = command({
  loader: async () => (await import("./vm/snapshot.run.ts")).snapshot,
  parameters: {
    flags: jsonFlag,
    positional: positionals(
      required("VM", "name of a VM"),
      optional("NAME", "name of the snapshot (default: s1, s2, ...)", parseSnapshotName),
    ),
  },
  docs: {
    brief: "take a snapshot of a VM: memory, processes and disk",
    examples: [["banger vm snapshot box before", "return to it later with `banger vm restore box before`"]],
  },
});

const restore = command({
  loader: async () => (await import("./vm/restore.run.ts")).restore,
  parameters: {
    flags: { ...coldFlag, ...forceFlag, ...jsonFlag },
    positional: positionals(
      required("VM", "name of a VM"),
      required("SNAPSHOT", "one of its snapshots, as `banger snapshot list VM` shows them"),
    ),
    aliases: forceAliases,
  },
  docs: {
    brief: "return a VM to a snapshot",
    description: "return a VM to a snapshot; what changed since then is lost, so banger asks first",
  },
});

const fork = command({
  loader: async () => (await import("./vm/fork.run.ts")).fork,
  parameters: {
    flags: { count: valued("number of forks (default: one, or as many as are named)", "N", parseCount), ...jsonFlag },
    positional: several("NAME", "name of a VM, then names of its forks", parseVmName),
  },
  docs: {
    brief: "start copies of a VM, with its processes and files as they are now",
    arguments: [
      ["VM", "name of a VM"],
      ["[NEW]...", "names of the forks (default: generated)"],
    ],
    examples: [
      ["banger vm fork box left right", "two forks by name"],
      ["banger vm fork box --count 3", "three forks with generated names"],
    ],
  },
});

const list = command({
  loader: async () => (await import("./vm/list.run.ts")).list,
  parameters: { flags: { all: dockers("all are listed anyway"), ...jsonFlag }, aliases: { a: "all" } },
  docs: { brief: "list VMs" },
});

const show = command({
  loader: async () => (await import("./vm/show.run.ts")).show,
  parameters: { flags: jsonFlag, positional: vmName },
  docs: { brief: "show a VM in detail" },
});

const ports = command({
  loader: async () => (await import("./vm/ports.run.ts")).ports,
  parameters: { flags: jsonFlag, positional: vmName },
  docs: {
    brief: "list the ports of a VM and where they are reached",
    description:
      "list the ports that a VM listens on and where this host reaches them; " +
      "services are those that listened before the VM's first session",
  },
});

const docker = command({
  loader: async () => (await import("./vm/docker.run.ts")).docker,
  parameters: { flags: jsonFlag, positional: vmName },
  docs: {
    brief: "print the line that connects docker on this host to the Docker in a VM",
    examples: [["banger vm docker box | sh", "then `docker --context banger-box ps` lists the containers in the VM"]],
  },
});

const wait = command({
  loader: async () => (await import("./vm/wait.run.ts")).wait,
  parameters: { flags: jsonFlag, positional: vmNames },
  docs: { brief: "wait until VMs have stopped" },
});

const ssh = command({
  loader: async () => (await import("./vm/ssh.run.ts")).ssh,
  parameters: {
    flags: { user: text("user in the guest (default: root)", "USER"), ...jsonFlag },
    positional: vmName,
    aliases: { u: "user" },
  },
  docs: {
    brief: "open a shell in a VM with ssh, or run a command",
    description:
      "run this host's ssh, connected to a VM: what follows -- are ssh's own options and the command, and banger exits " +
      "with ssh's exit code; `banger vm exec` runs a command without ssh",
    guestCommand: "optional",
    guestWords: "[SSH-OPTION]... [COMMAND [ARG]...]",
    examples: [
      ["banger vm ssh box", "a shell"],
      ["banger vm ssh box -- ls -l /srv", "one command"],
      ["banger vm ssh box -- -L 8080:localhost:80", "a shell, and the guest's port 80 as port 8080 here"],
      ["banger vm ssh box -- -t top", "a command that needs a terminal"],
    ],
  },
});

const exec = command({
  loader: async () => (await import("./vm/exec.run.ts")).exec,
  parameters: { flags: sessionFlags, positional: vmName, aliases: sessionAliases },
  docs: {
    brief: "run a command in a VM",
    guestCommand: "required",
    examples: [
      ["banger vm exec box -- docker ps", "one command; banger exits with its exit code"],
      ["banger vm exec --env-file .env box -- ./sync", "with variables from a file"],
      ["banger vm exec box -- tar c /data | tar t", "stdin, stdout and stderr are separate and binary-safe"],
    ],
  },
});

const cp = command({
  loader: async () => (await import("./vm/cp.run.ts")).cp,
  parameters: {
    flags: {
      user: text(
        "user in the guest: paths start from its home, and it owns what is copied in (default: as in exec)",
        "USER",
      ),
      ...jsonFlag,
    },
    positional: several("PATH", "sources, then the target"),
    aliases: { u: "user" },
  },
  docs: {
    brief: "copy files and folders into a VM and out of it",
    description:
      "copy files and folders into a VM and out of it; a path in a VM is VM:PATH, relative to the user's home there, and " +
      "- is a tar on stdin or stdout; a file has its name when it is complete",
    arguments: [
      ["SOURCE...", "file or folder, here or in a VM; with /. at its end the folder's content; or -"],
      ["TARGET", "folder, or the new name in an existing one, at the other end; or -"],
    ],
    examples: [
      ["banger vm cp ./notes.txt box:", "a file into the home of the VM's user"],
      ["banger vm cp box:repo/build ./out", "a folder out of it, as ./out, or into ./out if that exists"],
      ["tar c ./data | banger vm cp - box:/srv", "a tar, unpacked in a folder of the VM"],
      ["banger vm cp box:/var/log - | tar t", "a folder of the VM as a tar"],
    ],
  },
});

const sync = command({
  loader: async () => (await import("./vm/sync.run.ts")).sync,
  parameters: {
    flags: { user: text("user in the guest whose home ~/ is (default: as in exec)", "USER"), ...jsonFlag },
    positional: vmName,
    aliases: { u: "user" },
  },
  docs: {
    brief: "copy your own files into a VM again, as [[file_sync]] in config.toml names them",
    description:
      "copy your own files into a running VM, as [[file_sync]] in config.toml names them; a new VM gets them by itself, " +
      "and an image saved of it is without them",
    examples: [["banger vm sync box", "after you have changed ~/.gitconfig"]],
  },
});

const logs = command({
  loader: async () => (await import("./vm/logs.run.ts")).logs,
  parameters: {
    flags: {
      follow: switched("keep printing as the log grows"),
      console: switched("show the guest's serial console (default)"),
      vmm: switched("show the log of the VMM"),
    },
    positional: vmName,
    aliases: { f: "follow" },
  },
  docs: {
    brief: "show the console or the VMM log of a VM",
    description:
      "show the console or the VMM log of a VM; on a terminal without control sequences, " +
      "to a pipe or a file byte for byte (view those with a pager such as less)",
  },
});

export const vm = group(
  { brief: "create, run and manage virtual machines" },
  {
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
    ports,
    docker,
    wait,
    ssh,
    exec,
    cp,
    sync,
    workspace,
    logs,
  },
  { ls: "list", ps: "list", rm: "delete", inspect: "show", unpause: "resume" },
);
