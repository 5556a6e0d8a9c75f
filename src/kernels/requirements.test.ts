import { expect, test } from "bun:test";
import { missingModules, missingOptions } from "./requirements.ts";
import { configSample } from "./testing/samples.ts";

test("a distribution's kernel has everything", () => {
  expect(missingOptions(configSample)).toEqual([]);
});

test("missing options are listed; options that must be built in can't be modules", () => {
  const config = configSample
    .replace("CONFIG_OVERLAY_FS=m", "# CONFIG_OVERLAY_FS is not set")
    .replace("DEVTMPFS=y", "DEVTMPFS=m");
  expect(missingOptions(config)).toEqual(["CONFIG_DEVTMPFS", "CONFIG_OVERLAY_FS"]);
});

test("without a configuration, modules are checked by name", () => {
  expect(missingModules((name) => name !== "virtio_blk")).toEqual(["virtio_blk"]);
});
