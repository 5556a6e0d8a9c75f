/** Images and kernels as the user sees them, the config file, and doctor's report of this host. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { vmSuite } from "./harness.ts";
import { write } from "./repo.ts";

type Named = { name: string; digest: string };

vmSuite("images", (home) => {
  test("list and show know the default image and kernel", async () => {
    const images = await home().json<Named[]>(["image", "list"]);
    expect(images.map((image) => image.name)).toEqual(["debian-bookworm"]);
    expect(await home().json<Named>(["image", "show", "debian-bookworm"])).toMatchObject({
      digest: images[0]?.digest,
      init: "systemd",
    });
    const [kernel] = await home().json<Named[]>(["kernel", "list"]);
    expect(kernel).toMatchObject({
      name: "debian-bookworm-cloud",
      release: expect.stringMatching(/^6\.1\..*cloud-amd64$/),
    });
    expect((await home().ok(["image", "ls"])).stdout).toMatch(/debian-bookworm/);
  });

  test("doctor checks the host and exits with 0, 1 or 2", async () => {
    const done = await home().banger(["doctor"]);
    expect([0, 1, 2]).toContain(done.code ?? -1);
    for (const word of ["KVM", "passt", "qemu"]) expect(done.stdout.toLowerCase()).toContain(word.toLowerCase());
    const findings = await home().banger(["doctor", "--json"]);
    expect(Array.isArray(JSON.parse(findings.stdout))).toBe(true);
  }, 30_000);

  test("config sets defaults, flags override them, and all its problems are reported at once", async () => {
    const file = "k/banger/config.toml";
    write(home().folder, { [file]: "[vm_defaults]\nvcpu = 1\nmemory_mib = 768\n" });
    const spec = await home().banger(["vm", "create", "--name", "x", "--image", "none-such", "--memory", "1G"]);
    expect(spec.code).toBe(3);
    write(home().folder, { [file]: '[vm_defaults]\nvcpuu = 1\nmemory_mib = "lots"\n' });
    const refused = await home().banger(["vm", "create", "--name", "x"]);
    expect(refused.code).toBe(2);
    for (const part of ["vcpuu", "memory_mib", "2 problems", "config.toml"]) expect(refused.stderr).toContain(part);
    write(home().folder, { [file]: "" });
  });

  test("what a VM uses can't be deleted; afterwards it can, and its files are removed", async () => {
    await home().ok(["vm", "create", "--name", "user"]);
    const refused = await home().banger(["image", "delete", "debian-bookworm"]);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("is used by user")]);
    expect((await home().banger(["kernel", "delete", "debian-bookworm-cloud"])).code).toBe(4);
    await home().ok(["vm", "delete", "user"]);
    await home().ok(["image", "delete", "debian-bookworm"]);
    await home().ok(["kernel", "delete", "debian-bookworm-cloud"]);
    expect(await home().json<Named[]>(["image", "list"])).toEqual([]);
    expect(new Bun.Glob("**/*.sqfs").scanSync(join(home().folder, "c")).next().done).toBe(true);
    expect((await home().banger(["image", "show", "debian-bookworm"])).code).toBe(3);
  }, 60_000);
});
