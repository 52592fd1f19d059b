/** Indexes of the errors of pallet SubtensorModule (spec 424) that the calls of this node can end with. */
export const ERROR_INDEX = {
  InvalidIpType: 1,
  InvalidIpAddress: 2,
  InvalidPort: 3,
  HotKeyNotRegisteredInSubNet: 4,
  HotKeyNotRegisteredInNetwork: 6,
  NotEnoughStakeToSetWeights: 10,
  NeuronNoValidatorPermit: 15,
  WeightVecNotEqualSize: 16,
  DuplicateUids: 17,
  UidVecContainInvalidOne: 18,
  WeightVecLengthIsLow: 19,
  HotKeyAlreadyRegisteredInSubNet: 21,
  MaxWeightExceeded: 27,
  SettingWeightsTooFast: 29,
  IncorrectWeightVersionKey: 30,
  ServingRateLimitExceeded: 31,
  UidsLengthExceedUidsInSubNet: 32,
  CanNotSetRootNetworkWeights: 47,
  NoNeuronIdAvailable: 48,
  CommitRevealEnabled: 53,
  CommitRevealDisabled: 54,
  MechanismDoesNotExist: 74,
  SubnetNotExists: 76,
  TooManyUnrevealedCommits: 77,
  CommittingWeightsTooFast: 81,
  IncorrectCommitRevealVersion: 110,
  InvalidRevealRound: 111,
} as const;

export type PalletError = keyof typeof ERROR_INDEX;

/**
 * The number that the transaction pool shows when the runtime refuses a transaction before it is dispatched
 * (`Custom error: N`). Everything without a number of its own is 255, BadRequest.
 */
const POOL_CODE: Partial<Record<PalletError, number>> = {
  NotEnoughStakeToSetWeights: 1,
  SubnetNotExists: 3,
  SettingWeightsTooFast: 6,
  CommittingWeightsTooFast: 6,
  HotKeyNotRegisteredInNetwork: 10,
  InvalidIpAddress: 11,
  ServingRateLimitExceeded: 12,
  InvalidPort: 13,
  InvalidRevealRound: 15,
  HotKeyNotRegisteredInSubNet: 19,
};
const BAD_REQUEST = 255;

export const poolCode = (error: PalletError): number => POOL_CODE[error] ?? BAD_REQUEST;
