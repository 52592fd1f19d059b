import { Failure } from "../base/error.ts";
import type { ConfigCode } from "../config/kinds.ts";
import { canonicalAddress } from "../net/address-ranges.ts";
import type { AddressPolicy } from "./address.ts";

export interface PolicyFacts {
  /** Strangers write to this chain (chain/networks.ts, `isPublicGenesis`), through whichever endpoint it is reached. */
  isPublicChain: boolean;
  /** --miners.allow_private */
  allowPrivate: boolean;
  /** Only reference miners of this process are called (--neuron.mock_dendrite_pool). */
  isMockPool?: boolean;
  /** Addresses of this machine's interfaces. */
  ownAddresses: ReadonlySet<string>;
  /** Where the internet sees this validator, and the port that it announces there. */
  external?: { ip: string; port: number } | undefined;
}

/**
 * Which addresses are called. Whether private ones are is a matter of the chain alone: on a public one a miner could
 * aim this validator at the operator's own network, on a local one miners live nowhere else.
 * @throws Failure `config.conflict` for --miners.allow_private on a public chain
 */
export function addressPolicy(facts: PolicyFacts): AddressPolicy {
  const { isPublicChain, external } = facts;
  if (facts.allowPrivate && isPublicChain)
    throw new Failure<ConfigCode>("config.conflict", {
      message:
        "--miners.allow_private is for local subnets; on a public chain a miner could aim this validator at your own network",
      hint: "leave the flag out",
    });
  const address = external === undefined ? null : canonicalAddress(external.ip);
  return {
    allowPrivate: !isPublicChain || facts.isMockPool === true,
    ownAddresses: facts.ownAddresses,
    ...(external === undefined || address === null ? {} : { ownEndpoint: { address, port: external.port } }),
  };
}
