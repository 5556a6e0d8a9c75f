import { expect, test } from "bun:test";
import { missingModules, missingOptions } from "./requirements.ts";
import { configSample } from "./testing/samples.ts";

test("a distribution's kernel has all", () => {
  expect(missingOptions(configSample)).toEqual([]);
});

test("what is missing is named; what must be built in may not be a module", () => {
  const config = configSample
    .replace("CONFIG_OVERLAY_FS=m", "# CONFIG_OVERLAY_FS is not set")
    .replace("DEVTMPFS=y", "DEVTMPFS=m");
  expect(missingOptions(config)).toEqual(["CONFIG_DEVTMPFS", "CONFIG_OVERLAY_FS"]);
});

test("modules are asked for by name when there is no configuration", () => {
  expect(missingModules((name) => name !== "virtio_blk")).toEqual(["virtio_blk"]);
});
