/**
 * The model of the ring (docs/ring-format.md) over the product's own steps: a writer that may die before any step, and a reader that may stand
 * still between any two, in plain memory, under a schedule. Asserts the model's properties P1 to P9.
 *
 * The steps are those of write-steps.ts and read-steps.ts, cut finer where the processor may be interrupted: payload unit by unit and slot field by
 * field, at both ends. CRCs are made to fit: the protocol has to hold without them. What one thread cannot show are reordered stores and
 * loads; protocol.test.ts checks the places of the fences.
 */
import { crc32 } from 'node:zlib';
import {
  EPOCH_AT,
  FLAG_KEY,
  type Geometry,
  HEAD_AT,
  INTENT_POS_AT,
  INTENT_SEQ_AT,
  LAST_KEY_AT,
  LINE_BYTES,
  SLOT_BYTES,
  SLOT_CRC_AT,
  SLOT_EPOCH_AT,
  SLOT_LENGTH_AT,
  SLOT_POS_AT,
  slotAt,
  unitsOf,
} from '../../runtime/ring/layout.ts';
import { type RingMemory, loadWord } from '../../runtime/ring/memory.ts';
import * as reading from '../../runtime/ring/read-steps.ts';
import { slotFlags, slotLength, slotPos } from '../../runtime/ring/slot.ts';
import * as writing from '../../runtime/ring/write-steps.ts';
import { META, ringInMemory } from './rig.ts';

/** The protocol as lists of steps; an ablation is another list. */
export type Rules = {
  readonly attach: readonly writing.WriteStep[];
  readonly write: readonly writing.WriteStep[];
  readonly read: readonly reading.ReadStep[];
  readonly jump: readonly reading.JumpStep[];
};

export const RULES: Rules = {
  attach: writing.ATTACH_STEPS,
  write: writing.WRITE_STEPS,
  // The payload's CRC is not part of the protocol, which must hold without it.
  read: reading.READ_STEPS.filter((step) => step !== reading.checkPayload),
  jump: reading.JUMP_STEPS,
};

/** What happens next: so many steps of one side, or the writer's death, for a time or for good. */
export type Turn =
  { readonly who: 'writer' | 'reader'; readonly steps: number } | { readonly who: 'crash'; readonly steps: 0 };

export type Scenario = {
  readonly geometry: Geometry;
  /** The records to write, over and over. */
  readonly records: readonly { readonly units: number; readonly key: boolean }[];
  /** Whether the reader starts by a jump. */
  readonly startsByJump: boolean;
  readonly turns: readonly Turn[];
};

type Committed = { readonly incarnation: number; readonly units: number; readonly key: boolean; readonly end: number };

export class Violation extends Error {
  readonly property: string;
  constructor(property: string, what: string) {
    super(`${property}: ${what}`);
    this.property = property;
  }
}

let checked: string | undefined;
function holds(property: string, condition: boolean, what: () => string): void {
  if (!condition && (checked === undefined || checked === property)) throw new Violation(property, what());
}

/**
 * Runs a scenario to its end; throws a `Violation` when a property does not hold (`only`: when that one does not). Returns what happened, so
 * that a test can see that it did.
 */
export function simulate(
  scenario: Scenario,
  rules: Rules,
  only?: string,
): { accepted: number; laps: number; crashes: number } {
  checked = only;
  const ring = ringInMemory(scenario.geometry);
  const world: World = {
    committed: new Map<number, Committed>(),
    lastKey: 0,
    head: 0,
    epoch: 0,
    incarnation: 0,
    crashes: 0,
    begun: 0,
  };
  let writer = writerSteps(ring, scenario, rules, world);
  const seen = { accepted: 0, laps: 0 };
  const reader = readerSteps(ring, scenario, rules, world, seen);

  for (const turn of scenario.turns) {
    if (turn.who === 'crash') {
      world.crashes++;
      writer = writerSteps(ring, scenario, rules, world);
    }
    for (let step = 0; step < turn.steps; step++) (turn.who === 'writer' ? writer : reader).next();
  }
  // P5: nothing moves any more, and the reader has all up to head, in a bounded number of its own steps.
  let quiet = 0;
  for (let step = 0; quiet < 2 && step < 1000; step++) if (reader.next().value === 'idle') quiet++;
  holds('P5', quiet === 2, () => 'the reader does not catch up with a ring at rest');
  return { ...seen, crashes: world.crashes };
}

type World = {
  readonly committed: Map<number, Committed>;
  lastKey: number;
  head: number;
  epoch: number;
  incarnation: number;
  crashes: number;
  begun: number;
};

/** What a unit says of itself: number, incarnation, index, length and key flag. */
function unitText(seq: number, incarnation: number, index: number, units: number, key: boolean): Buffer {
  const unit = Buffer.alloc(LINE_BYTES, '.');
  unit.write(`${seq} ${incarnation} ${index} ${units} ${key}`);
  return unit;
}

/** Where a copy of a slot may be interrupted: after seq, after pos, after length and flags. */
const SLOT_CUTS = [SLOT_POS_AT, SLOT_LENGTH_AT, SLOT_EPOCH_AT, SLOT_BYTES];

/** A generator yields after every step that can be the last. To crash is not to call it again. */
function* writerSteps(ring: RingMemory, scenario: Scenario, rules: Rules, world: World): Generator<undefined, never> {
  const incarnation = ++world.incarnation;
  const state = writing.createWriteState();
  for (const step of rules.attach) {
    step(ring, state);
    yield;
  }
  const epoch = ring.u32[EPOCH_AT / 4]!;
  holds('P7', loadWord(ring, LAST_KEY_AT) === world.lastKey, () => 'the newest committed key is not announced');
  holds('P3', epoch > world.epoch, () => 'the epoch does not grow');
  world.epoch = epoch;

  for (;;) {
    const seq = state.seq + 1;
    const { units, key } = scenario.records[world.begun++ % scenario.records.length]!;
    const chunks = Array.from({ length: units }, (_, index) => unitText(seq, incarnation, index, units, key));
    writing.prepare(ring, state, { ...META, key }, chunks, units * LINE_BYTES, 0);
    for (const step of rules.write) {
      if (step === writing.writePayload) {
        for (const chunk of chunks) {
          state.chunks = [chunk];
          step(ring, state);
          yield;
        }
      } else if (step === writing.writeSlot) {
        const slot = ring.bytes.subarray(slotAt(ring, seq), slotAt(ring, seq) + SLOT_BYTES);
        for (const end of SLOT_CUTS) {
          const rest = slot.slice(end);
          step(ring, state);
          slot.set(rest, end);
          yield;
        }
      } else {
        step(ring, state);
        if (step === writing.publishHead) {
          holds('P3', state.seq === world.head + 1, () => `number ${state.seq} is committed after ${world.head}`);
          world.head = state.seq;
          world.committed.set(state.seq, { incarnation, units, key, end: state.start + units });
          if (key) world.lastKey = state.seq;
        }
        yield;
      }
    }
  }
}

/** Yields 'idle' when there is nothing to read. */
function* readerSteps(
  ring: RingMemory,
  scenario: Scenario,
  rules: Rules,
  world: World,
  seen: { accepted: number; laps: number },
): Generator<'idle' | undefined, never> {
  const state = reading.createReadState();
  let accounted = 0;
  let needsKey = false;

  function* jump(): Generator<undefined, void> {
    const from = state.next;
    for (const [index, step] of rules.jump.entries()) {
      step(ring, state);
      if (index === 1) {
        holds('P4', state.key <= loadWord(ring, HEAD_AT), () => `key ${state.key} is not committed`);
      }
      yield;
    }
    needsKey = state.next === state.key;
    const to = state.next - 1;
    if (to < from && state.head < from) return; // a fresh reader of an empty ring
    holds('P5', to >= from, () => `the jump from ${from} stays there`);
    holds('P2', from === accounted + 1, () => `gap from ${from} after ${accounted}`);
    accounted = to;
    holds('P2', state.next <= loadWord(ring, HEAD_AT) + 1, () => `the reader is beyond head + 1`);
  }

  if (scenario.startsByJump) yield* jump();
  for (;;) {
    let verdict: reading.Verdict = 'on';
    for (const step of rules.read) {
      if (step === reading.copyPayload) {
        const length = slotLength(state.slot);
        const offset = slotPos(state.slot) % ring.dataUnits;
        const inside =
          length > 0 && length <= ring.maxRecordBytes && offset >= 0 && offset + unitsOf(length) <= ring.dataUnits;
        holds('P9', inside, () => `a copy of ${length} bytes from unit ${offset}`);
        const assembled = Buffer.alloc(length);
        for (let at = 0; at < length; at += LINE_BYTES) {
          verdict = step(ring, state);
          state.copy.copy(assembled, at, at, at + LINE_BYTES);
          yield;
        }
        state.copy = assembled;
      } else if (step === reading.takeSlot) {
        const slot = new Uint8Array(state.slot.u32.buffer);
        let begin = 0;
        for (const end of SLOT_CUTS) {
          const before = slot.slice(0, begin);
          step(ring, state);
          slot.set(before);
          begin = end;
          yield;
        }
        state.slot.u32[SLOT_CRC_AT / 4] = crc32(state.slot.covered);
      } else {
        verdict = step(ring, state);
        if (verdict !== 'on') break;
        yield;
      }
    }
    const n = state.next;
    if (verdict === 'on') {
      const was = world.committed.get(n);
      holds('P1', was !== undefined, () => `${n} is accepted before it is committed`);
      const { incarnation, units, key } = was ?? { incarnation: 0, units: 0, key: false };
      const length = slotLength(state.slot);
      const keyFlag = (slotFlags(state.slot) & FLAG_KEY) !== 0;
      const whole = Buffer.concat(
        Array.from({ length: units }, (_, index) => unitText(n, incarnation, index, units, key)),
      );
      holds('P1', state.copy.subarray(0, length).equals(whole) && keyFlag === key, () => `${n} is accepted torn`);
      holds('P2', n === accounted + 1, () => `${n} is accepted after ${accounted}`);
      holds('P8', !needsKey || key, () => `the jump to ${n} does not land on a key`);
      needsKey = false;
      accounted = n;
      state.next++;
      seen.accepted++;
      yield;
    } else if (verdict === 'empty') {
      yield 'idle';
    } else {
      holds('P6', verdict !== 'corrupt', () => `${n} is called corrupt`);
      const end = world.committed.get(n)?.end ?? Infinity;
      const overtaken = loadWord(ring, INTENT_SEQ_AT) > n || loadWord(ring, INTENT_POS_AT) > end;
      holds('P6', overtaken, () => `${n} is lapped, and nothing was written after it`);
      seen.laps++;
      yield* jump();
    }
  }
}
