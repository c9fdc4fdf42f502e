/**
 * From trials to a row of the table.
 *
 * Does not belong here: printing, and running trials.
 */
import { percentile, percentiles } from '../report.ts';
import type { DaemonTrial } from './daemon-trial.ts';
import { FAULT_NAMES, type Fault, type Victim } from './faults.ts';
import { sumLosses } from './losses.ts';
import type { SupervisorTrial } from './supervisor-trial.ts';

export type Row = Readonly<Record<string, string | number>>;
export type Combination = { readonly fault: Fault; readonly victim: Victim; readonly channels: number };

/** As wide as the widest, so that rows that are printed one by one stand below each other. */
const head = ({ fault, victim, channels }: Combination): Row => ({
  fault: FAULT_NAMES[fault].padEnd(15),
  victim: victim.padEnd(10),
  channels,
});

export function daemonRow(combination: Combination, trials: readonly DaemonTrial[]): Row {
  const victim = sumLosses(trials.map((trial) => trial.victim));
  const others = sumLosses(trials.map((trial) => trial.others));
  const sum = (pick: (trial: DaemonTrial) => number): number => trials.reduce((all, trial) => all + pick(trial), 0);
  return {
    ...head(combination),
    ...percentiles(
      trials.map(({ freshMs }) => freshMs),
      0,
    ),
    'gone after': percentile(
      trials.map(({ goneMs }) => goneMs),
      0.5,
    ).toFixed(0),
    'victim lost: ring': victim.ring,
    'at the camera': victim.camera,
    'at the viewer': victim.viewer,
    'others lost': combination.channels === 1 ? '-' : others.ring + others.viewer + others.closed,
    'others restarted': sum((trial) => trial.othersRestarted),
    refused: sum((trial) => trial.refused) + victim.refused,
    dialled: sum((trial) => trial.dialled),
  };
}

/** A percentile, or a dash where nothing was measured. */
function shown(values: readonly number[], share: number): string {
  return values.length === 0 ? '-' : percentile(values, share).toFixed(0);
}

export function supervisorRow(combination: Combination, trials: readonly SupervisorTrial[]): Row {
  const lost = sumLosses(trials.map((trial) => trial.lost));
  const known = (pick: (trial: SupervisorTrial) => number | null): number[] =>
    trials.map(pick).filter((value) => value !== null);
  const adopt = known(({ adoptMs }) => adoptMs);
  const back = known(({ backMs }) => backMs);
  return {
    ...head(combination),
    n: trials.length,
    'viewers disconnected': lost.closed,
    'packets lost: ring': lost.ring,
    'at the camera': lost.camera,
    'at the viewer': lost.viewer,
    'daemons restarted': trials.reduce((all, { restarted }) => all + restarted, 0),
    'adopt p50': shown(adopt, 0.5),
    'adopt p99': shown(adopt, 0.99),
    'back p50': shown(back, 0.5),
  };
}
