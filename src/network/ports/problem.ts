/** Why a port of the host can't be listened on, in words. Pure. */

export type PortFailure = { address: string; port: number /** the system's name of the error */; errno: string };

/** One sentence, in the style of error messages. */
export function portProblem({ address, port, errno }: PortFailure): string {
  switch (errno) {
    case "EADDRINUSE":
      return `port ${port} of ${address} is taken by another program of this host`;
    case "EACCES":
      return `port ${port} of ${address} is one of those below 1024, which the daemon may not use`;
    case "EADDRNOTAVAIL":
      return `${address} is not an address of this host`;
    default:
      return `port ${port} of ${address} can't be used: ${errno}`;
  }
}
