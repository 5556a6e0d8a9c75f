/**
 * What SSH has and ssh2's server offers no call for: the reason of a refused channel, and a channel to the client's agent. Both replace one
 * method of its `Protocol` during one call that sends synchronously; the tests beside this file fail when ssh2 changes in that.
 */
import type { Connection, ServerChannel } from "ssh2";

type Protocol = {
  channelOpenFail(recipient: number, code: number, description: string): void;
  openssh_forwardedStreamLocal(channel: number, window: number, packet: number, to: unknown): void;
  openssh_authAgent(channel: number, window: number, packet: number): void;
};

/** Refuses a channel and says why: the `description` of RFC 4254, 5.1. */
export function refuseChannel(client: Connection, reject: () => void, reason: string): void {
  const protocol = protocolOf(client);
  const { channelOpenFail } = protocol;
  const withReason: typeof channelOpenFail = (recipient, code) =>
    channelOpenFail.call(protocol, recipient, code, reason);
  during(protocol, "channelOpenFail", withReason, reject);
}

/** Opens a channel to the agent that the client forwards: `auth-agent@openssh.com` (PROTOCOL.agent of OpenSSH). @throws the client's refusal */
export function openAgentChannel(client: Connection): Promise<ServerChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerChannel>();
  const protocol = protocolOf(client);
  const toAgent: Protocol["openssh_forwardedStreamLocal"] = (channel, window, packet) =>
    protocol.openssh_authAgent(channel, window, packet);
  during(protocol, "openssh_forwardedStreamLocal", toAgent, () =>
    client.openssh_forwardOutStreamLocal("", (error, channel) => (error ? reject(error) : resolve(channel))),
  );
  return promise;
}

function protocolOf(client: Connection): Protocol {
  return (client as unknown as { _protocol: Protocol })._protocol;
}

function during<Name extends keyof Protocol>(
  protocol: Protocol,
  name: Name,
  method: Protocol[Name],
  call: () => void,
): void {
  const before = Object.getOwnPropertyDescriptor(protocol, name);
  protocol[name] = method;
  try {
    call();
  } finally {
    if (before) Object.defineProperty(protocol, name, before);
    else Reflect.deleteProperty(protocol, name);
  }
}
