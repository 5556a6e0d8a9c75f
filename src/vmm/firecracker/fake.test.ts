/** The driver with a fake Firecracker: its whole path but the virtual machine. */
import { afterAll } from "bun:test";
import { driverContract } from "../driver.contract.ts";
import { saveContract } from "../save.contract.ts";
import { makeFakeHost } from "./testing/fake-host.ts";

const host = makeFakeHost("fc");
afterAll(() => host.remove());

driverContract("firecracker with a fake program", host.subject());
saveContract("firecracker with a fake program", host.subject());
