import { noticedBy } from "./mutant.ts";

export const CHAIN_MUTANTS = noticedBy(
  ["test/chain/submission.test.ts"],
  [
    {
      name: "weights are sent in the open though the subnet hides them",
      file: "src/chain/submission.ts",
      text: "return state.commitReveal ",
      replacement: "return state.commitReveal && Date.now() < 0 ",
    },
    {
      name: "a submission is not tried again where the chain changed under it",
      file: "src/chain/submission.ts",
      text: "const ATTEMPTS = 2;",
      replacement: "const ATTEMPTS = 1;",
    },
    {
      name: "an unknown outcome is not looked for on chain",
      file: "src/chain/submission.ts",
      text: 'if (!isFailure<ChainCode>(error, "chain.outcome-unknown")) throw error;',
      replacement: "throw error;",
    },
    {
      name: "any old update of our weights is taken for this one",
      file: "src/chain/submission.ts",
      text: "if (seen.lastUpdate > Math.max(state.lastUpdate, state.head))",
      replacement: "if (seen.lastUpdate >= 0)",
    },
    {
      name: "two submissions go at once",
      file: "src/chain/submission.ts",
      text: "return oneAtATime(connection, signer.hotkey, () => attempt({ connection, signer, hooks }, make, 1));",
      replacement: "return attempt({ connection, signer, hooks }, make, 1);",
    },
    {
      name: "a commit that is too large is sent",
      file: "src/chain/submission.ts",
      text: "if (sealed.length > MAX_COMMIT_BYTES)",
      replacement: "if (sealed.length < 0)",
    },
    {
      name: "the weights are those of another mechanism",
      file: "src/chain/submission.ts",
      text: "const MECHANISM = 0;",
      replacement: "const MECHANISM = 1;",
    },
  ],
);
