/** Hard links on the overlay: each file is one inode under all of its names, no matter if the VM or its image created it. */
import { expect, test } from "bun:test";
import { vmSuite } from "./harness.ts";

vmSuite("hard links", (home) => {
  const sh = async (vm: string, script: string) =>
    (await home().ok(["vm", "exec", vm, "--", "sh", "-euc", script], { timeoutMs: 120_000 })).stdout;
  /** Prints one line for each file whose names are one inode with as many links as names. */
  const same = `same() { for f in "$@"; do [ "$1" -ef "$f" ] && [ "$(stat -c %h "$f")" = $# ] || { stat "$@"; return 1; }; done; echo one; }`;
  const links = "same /etc/services /etc/services.link; same /etc/own /usr/own; same /root/a /root/b";
  const forget = "sync; echo 2 >/proc/sys/vm/drop_caches";

  test("a link to a file of the image, of the VM's root and of a home, at once and after the caches were dropped", async () => {
    await home().ok(["vm", "run", "--name", "l", "--detach", "--wait=agent"]);
    const make =
      "ln /etc/services /etc/services.link; echo >/etc/own; ln /etc/own /usr/own; echo >/root/a; ln /root/a /root/b";
    expect(await sh("l", `${same}; ${make}; ${links}; ${forget}; ${links}`)).toBe("one\n".repeat(6));
    const found = "find /etc -samefile /etc/services | sort; echo more >>/etc/services.link; tail -n 1 /etc/services";
    expect(await sh("l", found)).toBe("/etc/services\n/etc/services.link\nmore\n");
  }, 240_000);

  test("cp -a and tar keep it one file", async () => {
    const copy =
      "mkdir /opt/copy; cp -a /etc/services /etc/services.link /opt/copy; cd /opt/copy; same services services.link";
    const packed = "tar -C /etc -cf - services services.link | tar -tvf - | grep -c 'link to'";
    expect(await sh("l", `${same}; ${copy}; ${packed}`)).toBe("one\n1\n");
  }, 60_000);

  test("in a fork, and after a restart", async () => {
    await home().ok(["vm", "fork", "l", "child"], { timeoutMs: 60_000 });
    expect(await sh("child", `${same}; ${links}`)).toBe("one\n".repeat(3));
    await home().ok(["vm", "restart", "l", "--wait=agent"], { timeoutMs: 240_000 });
    expect(await sh("l", `${same}; ${links}`)).toBe("one\n".repeat(3));
  }, 300_000);

  test("in an image that was saved from it, whose own files come from two layers", async () => {
    await home().ok(["vm", "stop", "l"], { timeoutMs: 60_000 });
    await home().ok(["vm", "save", "l", "linked"], { timeoutMs: 240_000 });
    await home().ok(["vm", "run", "--name", "of-two", "--image", "linked", "--cold", "--detach", "--wait=agent"], {
      timeoutMs: 240_000,
    });
    expect(await sh("of-two", `${same}; ${links}`)).toBe("one\n".repeat(3));
    // overlayfs can't tell two squashfs apart, so a new link's names become one inode only after they are looked up again
    const make = "ln /etc/protocols /etc/protocols.link; echo more >>/etc/protocols.link; tail -n 1 /etc/protocols";
    const one = "same /etc/protocols /etc/protocols.link";
    expect(await sh("of-two", `${same}; ${make}; ${forget}; ${one}`)).toBe("more\none\n");
  }, 300_000);
});
