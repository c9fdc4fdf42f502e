/**
 * Any interleaving of one writer, its deaths and a reader: the model's properties hold for the steps of the product; and without any one of the
 * rules the same search finds a violation of the property that the rule is for. So a rule that is lost is found, and so is a search gone blind.
 */
import * as fc from 'fast-check';
import {
  HEAD_AT,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  LINE_BYTES,
  SLOT_LENGTH_AT,
  slotAt,
  unitsOf,
} from '../../runtime/ring/layout.ts';
import { type RingMemory, loadWord, storeWord } from '../../runtime/ring/memory.ts';
import * as reading from '../../runtime/ring/read-steps.ts';
import { createSlot, loadSlot, slotLength, slotPos } from '../../runtime/ring/slot.ts';
import * as writing from '../../runtime/ring/write-steps.ts';
import { RULES, type Rules, type Scenario, type Turn, simulate } from './simulation.ts';

const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ who: fc.constant('writer' as const), steps: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 8, arbitrary: fc.record({ who: fc.constant('reader' as const), steps: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.constant({ who: 'crash' as const, steps: 0 as const }) },
);

/** [slots, data units, longest record], from a record that fills the data area to more slots than records. */
const sizes = fc.constantFrom([2, 3, 2], [2, 2, 2], [2, 4, 3], [4, 3, 2], [4, 6, 3], [8, 16, 5]);

const scenario: fc.Arbitrary<Scenario> = sizes.chain(([slots, dataUnits, longest]) =>
  fc.record({
    geometry: fc.constant({ slots, dataUnits, maxRecordBytes: longest * LINE_BYTES }),
    records: fc.array(fc.record({ units: fc.integer({ min: 1, max: longest }), key: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    }),
    startsByJump: fc.boolean(),
    turns: fc.array(turn, { minLength: 1, maxLength: 60 }),
  }),
);

/** Replaces one step by others, which may be none. */
function swap<Step>(steps: readonly Step[], old: Step, ...by: readonly Step[]): readonly Step[] {
  if (!steps.includes(old)) throw new Error('this step is not in the list');
  return steps.flatMap((step) => (step === old ? by : [step]));
}

test('every property holds for every interleaving of writer steps, reader steps and crashes', () => {
  const total = { accepted: 0, laps: 0, crashes: 0 };
  fc.assert(
    fc.property(scenario, (s) => {
      const seen = simulate(s, RULES);
      total.accepted += seen.accepted;
      total.laps += seen.laps;
      total.crashes += seen.crashes;
    }),
    { numRuns: 5000 },
  );
  // the search must have been where the danger is
  expect(total.accepted).toBeGreaterThan(1000);
  expect(total.laps).toBeGreaterThan(1000);
  expect(total.crashes).toBeGreaterThan(1000);
});

/** What the model found to be a free choice is one here too. */
const FREE: Readonly<Record<string, Rules>> = {
  'the order of the two intents': {
    ...RULES,
    write: [writing.publishIntentSeq, writing.publishIntentPos, ...RULES.write.slice(2)],
  },
  'the first distance check': { ...RULES, read: swap(RULES.read, reading.checkDistance) },
};

test.each(Object.entries(FREE))('without %s every property still holds', (_name, rules) => {
  fc.assert(
    fc.property(scenario, (s) => void simulate(s, rules)),
    { numRuns: 1000 },
  );
});

/** A re-check with other limits. */
const recheckWith =
  (whole: (seqBehind: number, unitsBehind: number, ring: RingMemory, units: number) => boolean): reading.ReadStep =>
  (ring, state) => {
    const seqBehind = loadWord(ring, INTENT_SEQ_AT) - state.next;
    const unitsBehind = loadWord(ring, INTENT_POS_AT) - slotPos(state.slot);
    return whole(seqBehind, unitsBehind, ring, unitsOf(slotLength(state.slot))) ? 'on' : 'lapped';
  };
/** Both distance checks, so that the first does not hide what the second lets through. */
const limits = (whole: Parameters<typeof recheckWith>[0]): Rules => ({
  ...RULES,
  read: swap(swap(RULES.read, reading.checkDistance), reading.recheckIntent, recheckWith(whole)),
});

const loadHeadUnclamped: reading.JumpStep = (ring, state) => {
  state.head = loadWord(ring, HEAD_AT);
};
const jumpAnywhere =
  (mayJump: (key: number, next: number) => boolean): reading.JumpStep =>
  (_ring, state) => {
    if (mayJump(state.key, state.next)) state.next = state.key;
    else if (state.head >= state.next) state.next = state.head + 1;
  };
const announceBeforeHead: writing.WriteStep = (ring, state) => {
  if (state.key) storeWord(ring, LAST_KEY_AT, state.seq + 1);
};
const keyFirst = swap(
  swap(RULES.write, writing.announceKey),
  writing.publishHead,
  announceBeforeHead,
  writing.publishHead,
);

/** Each breaks the property at its head; the letters are the model's. */
const ABLATIONS: readonly (readonly [property: string, name: string, rules: Rules])[] = [
  [
    'P1',
    'R1: reading before the commit',
    {
      ...RULES,
      read: swap(RULES.read, reading.checkHead, (ring, state) =>
        loadWord(ring, HEAD_AT) + 1 < state.next ? 'empty' : 'on',
      ),
    },
  ],
  ['P1', 'a: the second check', { ...RULES, read: swap(RULES.read, reading.recheckIntent) }],
  [
    'P1',
    'b: re-attaching behind the intent, not at the committed tail',
    {
      ...RULES,
      attach: swap(RULES.attach, writing.readCounters, (ring, state) => {
        writing.readCounters(ring, state);
        const slot = createSlot();
        loadSlot(ring, state.seq, slot);
        state.pos = state.seq === 0 ? 0 : slotPos(slot) + unitsOf(slotLength(slot));
      }),
    },
  ],
  [
    'P3',
    'b2: re-attaching at head + 1, not at intentSeq + 1',
    {
      ...RULES,
      attach: swap(RULES.attach, writing.readCounters, (ring, state) => {
        writing.readCounters(ring, state);
        state.seq = loadWord(ring, INTENT_SEQ_AT);
      }),
    },
  ],
  ['P3', 'a new epoch', { ...RULES, attach: swap(RULES.attach, writing.growEpoch) }],
  ['P7', 'b3: repairing lastKeySeq', { ...RULES, attach: swap(RULES.attach, writing.repairLastKey) }],
  [
    'P1',
    'c: the intent before the first byte',
    { ...RULES, write: [writing.writePayload, ...swap(RULES.write, writing.writePayload)] },
  ],
  [
    'P1',
    'W3: the commit after the bytes',
    {
      ...RULES,
      write: [
        writing.publishIntentPos,
        writing.publishIntentSeq,
        writing.fenceIntent,
        writing.writeSlot,
        writing.publishHead,
        writing.writePayload,
        writing.announceKey,
      ],
    },
  ],
  [
    'P4',
    'd: the key after head',
    { ...RULES, write: keyFirst, jump: swap(RULES.jump, reading.loadHead, loadHeadUnclamped) },
  ],
  [
    'P8',
    'd2: the same, and a crash between',
    {
      ...RULES,
      write: keyFirst,
      jump: [reading.loadLastKey, loadHeadUnclamped, jumpAnywhere((key, next) => key > next)],
    },
  ],
  [
    'P1',
    'g: the padding in intentPos',
    {
      ...RULES,
      write: swap(RULES.write, writing.publishIntentPos, (ring, state) => {
        const before = state.pos;
        writing.publishIntentPos(ring, state);
        storeWord(ring, INTENT_POS_AT, before + state.units);
      }),
    },
  ],
  ['P1', 'h: the distance in units', limits((seqBehind, _units, ring) => seqBehind < ring.slots)],
  ['P1', 'h2: the distance in numbers', limits((_seq, unitsBehind, ring) => unitsBehind <= ring.dataUnits)],
  [
    'P1',
    'h3: the distance from the start of the record, not from its end',
    limits((seqBehind, unitsBehind, ring, units) => seqBehind < ring.slots && unitsBehind - units <= ring.dataUnits),
  ],
  [
    'P1',
    'j: fewer than all slots',
    limits((seqBehind, unitsBehind, ring) => seqBehind <= ring.slots && unitsBehind <= ring.dataUnits),
  ],
  [
    'P6',
    'j2: as many as all units',
    limits((seqBehind, unitsBehind, ring) => seqBehind < ring.slots && unitsBehind < ring.dataUnits),
  ],
  [
    'P9',
    'k: loading the length once',
    {
      ...RULES,
      read: swap(
        RULES.read,
        reading.copyPayload,
        (ring, state) => {
          state.slot.u32[SLOT_LENGTH_AT / 4] = ring.u32[(slotAt(ring, state.next) + SLOT_LENGTH_AT) / 4]!;
          return 'on';
        },
        reading.copyPayload,
      ),
    },
  ],
  [
    'P9',
    'k2: checking the slot before the copy',
    { ...RULES, read: swap(swap(RULES.read, reading.checkSlot), reading.checkDistance) },
  ],
  [
    'P6',
    'R3: a slot that is overwritten counts as lapped',
    {
      ...RULES,
      read: swap(RULES.read, reading.checkSlot, (ring, state) =>
        reading.checkSlot(ring, state) === 'on' ? 'on' : 'corrupt',
      ),
    },
  ],
  [
    'P5',
    'l: jumping only forward',
    {
      ...RULES,
      jump: swap(
        RULES.jump,
        reading.moveOn,
        jumpAnywhere((key, next) => key >= next),
      ),
    },
  ],
];

test.each(ABLATIONS)('%s breaks without the rule %s', (property, _name, rules) => {
  const found = fc.check(
    fc.property(scenario, (s) => void simulate(s, rules, property)),
    { numRuns: 20_000, seed: 1, endOnFailure: true },
  );
  expect(found.failed).toBe(true);
  expect(found.errorInstance).toMatchObject({ property });
});
