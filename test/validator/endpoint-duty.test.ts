import { expect, test } from "bun:test";
import { asBlock } from "../../src/base/units.ts";
import { endpointDuty } from "../../src/validator/endpoint-duty.ts";
import type { Neuron } from "../../src/validator/ports.ts";
import type { Session } from "../../src/validator/session.ts";
import { FakeChain, fakeModules } from "../fakes/session.ts";

/** A duty on an endpoint of second choice, with a window from `opens` on. */
function openDuty(opens: number) {
  const chain = new FakeChain();
  chain.isSecondChoice = () => true;
  const reveals: { revealBlock: number }[] = [];
  const session = {
    modules: { ...fakeModules(chain).modules, chain },
    recorder: { pendingReveals: () => reveals },
  } as unknown as Session<Neuron>;
  const duty = endpointDuty(session, [{ isWindow: (block) => block >= opens }]);
  return { chain, reveals, isDue: () => duty.isDue(asBlock(chain.block)), duty };
}

test("the preferred endpoint is looked at until a minute before the weights, and not in their window", () => {
  const { chain, isDue } = openDuty(110);
  const due: number[] = [];
  for (chain.block = 102; chain.block < 115; chain.block++) if (isDue()) due.push(chain.block);
  expect(due).toEqual([102, 103, 104]);
});

test("while a commit is to be revealed it is left alone, also where that began meanwhile", async () => {
  const { chain, reveals, isDue, duty } = openDuty(1000);
  let answers: boolean[] = [];
  chain.preferEndpoint = async (mayLeave) => {
    answers = [mayLeave()];
    reveals.push({ revealBlock: chain.block });
    answers.push(mayLeave());
  };
  await duty.run(asBlock(chain.block));
  expect(answers).toEqual([true, false]);
  expect(isDue()).toBe(false);
  reveals.pop();
  expect(isDue()).toBe(true);
});

test("a commit that is revealed epochs later leaves time to look before", () => {
  const { chain, reveals, isDue } = openDuty(1000);
  reveals.push({ revealBlock: 110 }, { revealBlock: 500 });
  const due: number[] = [];
  for (chain.block = 102; chain.block < 115; chain.block++) if (isDue()) due.push(chain.block);
  expect(due).toEqual([102, 103, 104]);
});

test("with the preferred endpoint in use nothing is looked at", () => {
  const { chain, isDue } = openDuty(1000);
  chain.isSecondChoice = () => false;
  expect(isDue()).toBe(false);
});
