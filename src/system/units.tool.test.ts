/** What systemd itself says of the units: their grammar, and how exposed they leave the host. */
import { expect } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { systemPaths } from "../model/paths.ts";
import { daemonUnit, daemonUnitText, helperUnit, helperUnitText } from "./units.ts";

function written(root: string) {
  const facts = {
    owner: { name: "anna", uid: 1000, gid: 100 },
    home: "/home/anna",
    paths: systemPaths(root),
    hasKvmGroup: true,
  };
  mkdirSync(facts.paths.current, { recursive: true });
  writeFileSync(`${facts.paths.current}/bangerd`, "");
  chmodSync(`${facts.paths.current}/bangerd`, 0o755);
  writeFileSync(`${root}/${daemonUnit}`, daemonUnitText(facts));
  writeFileSync(`${root}/${helperUnit}`, helperUnitText(facts));
}

function analyze(argv: string[], cwd: string) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", "--no-pager", ...argv], { cwd });
  return { exitCode, output: stdout.toString() + stderr.toString() };
}

gatedTest("tool:systemd-analyze", "systemd finds nothing wrong with the units", () => {
  using folder = tempFolder();
  written(folder.path);
  // `Wants=` is looked up beside the file
  const { exitCode, output } = analyze(["verify", `./${daemonUnit}`, `./${helperUnit}`], folder.path);
  expect([exitCode, output]).toEqual([0, ""]);
});

for (const [unit, most] of [
  [daemonUnit, 30],
  [helperUnit, 25],
] as const) {
  gatedTest("tool:systemd-analyze", `the exposure of ${unit} is at most ${most / 10}`, () => {
    using folder = tempFolder();
    written(folder.path);
    const { exitCode, output } = analyze(
      ["security", "--offline=true", `--threshold=${most}`, `./${unit}`],
      folder.path,
    );
    expect([exitCode, output.split("\n").find((line) => line.includes("→"))]).toEqual([
      0,
      expect.stringContaining(`Overall exposure level for ${unit}`),
    ]);
  });
}
