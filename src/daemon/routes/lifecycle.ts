/** Start, stop, restart, kill, and waiting for the end. */

import { shownSource } from "../query.ts";
import { json, work } from "../route.ts";

export const lifecycleRoutes = {
  ...work("startVm", async ({ machines }, { name, body, exchange }, emit) => {
    const { wait = "services", cold = false } = body;
    return machines.view(await machines.start(name, { wait, cold }, emit, exchange.signal));
  }),
  ...work("stopVm", async ({ machines }, { name, body }, emit) => {
    const { vm, cut } = await machines.stop(name, body, emit);
    return { vm: await machines.view(vm), cut };
  }),
  ...work("restartVm", async ({ machines }, { name, body, exchange }, emit) => {
    const options = { ...body, wait: body.wait ?? "services" };
    return machines.view(await machines.restart(name, options, emit, exchange.signal));
  }),
  ...json("killVm", async ({ machines }, { name }) => machines.view(await machines.kill(name))),
  ...work("saveVm", ({ machines }, { name, body, exchange }, emit) => {
    const { source, ...rest } = body;
    const request = { ...rest, ...(source === undefined ? {} : { source: shownSource(source) }) };
    return machines.save(name, request, emit, exchange.signal);
  }),
  ...work("waitVm", async ({ machines }, { name, exchange }) =>
    machines.view(await machines.waitForEnd(name, exchange.signal)),
  ),
};
