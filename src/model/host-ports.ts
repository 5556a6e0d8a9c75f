/** Ports of the host's loopback that a guest may reach (`--allow-host`), by a name and at a loopback address of its own. */

/** the agent writes it to the guest's /etc/hosts */
export const hostName = "host.banger.internal";

/** In the guest. Not 127.0.0.1: the guest's own services have the same ports there. */
export const hostAddress = "127.0.0.2";

/** of one VM; the agent has 32 listeners for all purposes */
export const maxHostPorts = 16;
