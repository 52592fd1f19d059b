/**
 * Questions to which "nothing" is no answer: a proxy whose node has gone gives one all the same, and the library reads it as an empty
 * subnet, a nonce of 0, or worse.
 */
const NEVER_EMPTY: ReadonlySet<string> = new Set([
  "state_call",
  "state_queryStorageAt",
  "state_getMetadata",
  "state_getRuntimeVersion",
  "system_accountNextIndex",
  "chain_getFinalizedHead",
  "rpc_methods",
  "system_chain",
]);
/** These have nothing to say of a block that the node does not know, but always know their newest. */
const EMPTY_WITH_BLOCK: ReadonlySet<string> = new Set([
  "chain_getHeader",
  "chain_getBlock",
  "chain_getBlockHash",
]);

/** Whether "nothing" may be what a node has to say to this question. */
export function mayBeEmpty(method: string, params: readonly unknown[]): boolean {
  // Every chain begins with a block.
  if (EMPTY_WITH_BLOCK.has(method))
    return params.some((param) => param !== undefined && param !== null && param !== 0);
  // A subscription without a number would be waited for, and never tell anything.
  return !NEVER_EMPTY.has(method) && !/_subscribe|AndWatch/.test(method);
}
