/**
 * Who should own which partition: rendezvous hashing over the live members, and what one member should do about it.
 * Pure: `daemon/nats/ownership.ts` carries it out.
 *
 * Rules: a partition is claimed only when nobody holds it or its holder is no longer live; a holder gives one up only
 * when a live member is preferred to it. So a partition never has two rightful owners, and a new member moves only its
 * own share.
 */

export interface Holding {
  readonly partition: number;
  /** Member id, or `undefined`: released. */
  readonly holder: string | undefined;
}

export interface Moves {
  readonly claim: readonly number[];
  readonly release: readonly number[];
}

/** The live member with the highest weight for the partition; `undefined` when none is live. */
export function preferred(members: Iterable<string>, partition: number): string | undefined {
  let best: string | undefined;
  let highest = -1;
  for (const member of members) {
    const weight = mix(member, partition);
    if (weight > highest || (weight === highest && best !== undefined && member < best)) {
      best = member;
      highest = weight;
    }
  }
  return best;
}

/** `leaving`: live members that give up what they hold and take nothing new. */
export function moves(
  me: string,
  live: ReadonlySet<string>,
  holdings: readonly Holding[],
  leaving: ReadonlySet<string> = new Set(),
): Moves {
  const claim: number[] = [];
  const release: number[] = [];
  const staying = leaving.size === 0 ? live : live.difference(leaving);
  for (const { partition, holder } of holdings) {
    const wanted = preferred(staying, partition);
    if (holder === me) {
      if (wanted !== me && wanted !== undefined) release.push(partition);
    } else if (wanted === me && (holder === undefined || !live.has(holder))) claim.push(partition);
  }
  return { claim, release };
}

/** A 32-bit hash with good avalanche (murmur3's finaliser over FNV-1a). */
function mix(member: string, partition: number): number {
  let h = 0x811c9dc5 ^ partition;
  for (let i = 0; i < member.length; i++) h = Math.imul(h ^ member.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
