/**
 * A network of its own for a suite, as an ordinary user: what is sent in there reaches nothing but itself. The addresses that stand for
 * the internet, a private network and a cloud's metadata service are all the namespace's own.
 */
import type { Subprocess } from "bun";

/** Two hosts of the internet, as far as the program can see (RFC 5737) */
export const [publicHost, otherHost] = ["198.51.100.1", "198.51.100.2"];
export const privateHost = "10.1.2.3";
/** where clouds serve a host's credentials */
export const metadataHost = "169.254.169.254";

export type Namespace = {
  /** argv of a program that is to run in there */
  inside(argv: readonly string[]): string[];
  end(): void;
};

const setUp = [
  "ip link set lo up",
  ...[publicHost, otherHost, privateHost, metadataHost].map((host) => `ip addr add ${host}/32 dev lo`),
  // a way out, to nowhere
  "ip link add eth0 type veth peer name nowhere && ip addr add 203.0.113.2/24 dev eth0",
  "ip link set eth0 up && ip link set nowhere up && ip route add default via 203.0.113.1",
  "echo ready",
  "exec sleep 600",
].join(" && ");

/** @throws when the host allows no user namespaces (`gate("user-namespaces")` says so before) */
export async function makeNamespace(): Promise<Namespace> {
  const unshare = ["unshare", "--user", "--map-current-user", "--net", "--keep-caps"];
  const holder: Subprocess<"ignore", "pipe", "inherit"> = Bun.spawn([...unshare, "sh", "-c", setUp], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const chunk of holder.stdout) if (Buffer.from(chunk).includes("ready")) break;
  if (holder.exitCode !== null) throw new Error("a network namespace could not be set up");
  const enter = ["nsenter", "--user", "--net", "--preserve-credentials", `--target=${holder.pid}`, "--"];
  return { inside: (argv) => [...enter, ...argv], end: () => holder.kill("SIGKILL") };
}
