/** Who may talk to the daemon: its own user and root, except a VM's processes and their descendants. */

export type PeerFacts = {
  /** the daemon's own uid */
  uid: number;
  /** every VMM and network process */
  vmProcesses(): readonly number[];
  /** parent of a process; 0 when it is gone or the first one */
  parentOf(pid: number): number;
};

/** Deeper than any real process tree; a peer with more ancestors is refused. */
const maxDepth = 64;

/** Null if the peer may talk to the daemon, else the reason. */
export function refusalOf(peer: { pid: number; uid: number }, facts: PeerFacts): string | null {
  if (peer.uid !== facts.uid && peer.uid !== 0) return `it belongs to uid ${facts.uid}, you are uid ${peer.uid}`;
  if (peer.pid <= 0) return "your process is in another pid namespace";
  const vms = new Set(facts.vmProcesses());
  if (vms.size === 0) return null;
  let pid = peer.pid;
  for (let depth = 0; pid > 1 && depth <= maxDepth; depth++) {
    if (vms.has(pid)) return "your process belongs to a VM";
    pid = facts.parentOf(pid);
  }
  return pid > 1 ? `your process has more than ${maxDepth} parents` : null;
}
