/** An upload that the daemon refuses before it has read it: the reason arrives, not a broken pipe. */
import { expect, test } from "bun:test";
import { version } from "../base/version.ts";
import { serve } from "../daemon/testing/serve.ts";
import { connectUnix } from "../host/net/socket.ts";
import { Api } from "./api.ts";

test("the reason of a refusal is reported, however much is still to be sent", async () => {
  const served = await serve();
  const { socket } = served;
  try {
    const api = new Api({ connect: () => connectUnix(socket), version, socket });
    for (let round = 0; round < 20; round++) {
      const endless = (async function* () {
        for (let i = 0; i < 2000; i++) yield new Uint8Array(64 * 1024);
      })();
      const upload = { name: "tool", source: "test", query: { kernel: "none-such" }, tar: endless };
      const error = await api.upload("importImage", upload, () => {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "KERNEL_NOT_FOUND" });
    }
  } finally {
    await served.close();
  }
});
