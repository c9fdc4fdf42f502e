/**
 * The building blocks that schemas share: text and numbers within limits, tables from JSON, numbers that a person typed.
 *
 * Belongs here: what at least two files need and the library has not in this strictness. Does not belong here: what a field means.
 */
import * as v from 'valibot';

/** Limits count UTF-16 units. */
export const text = (most: number) => v.pipe(v.string(), v.maxLength(most));

export const filledText = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));

/** As long as it must be: the paths and digests of a file that we wrote ourselves. */
export const anyFilledText = v.pipe(v.string(), v.minLength(1));

/** A whole number that a double holds exactly. */
export const whole = (least: number = Number.MIN_SAFE_INTEGER, most: number = Number.MAX_SAFE_INTEGER) =>
  v.pipe(v.number(), v.safeInteger(), v.minValue(least), v.maxValue(most));

/** Any number but the infinite ones, which JSON cannot carry. */
export const finite = v.pipe(v.number(), v.finite());

/** A whole number as a dialog, a query or an environment variable has it: as a number, or as text. Nothing else counts as a number here, and blank text does not. */
export const entered = (least: number, most: number) =>
  v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.trim(), v.minLength(1), v.toNumber())], 'must be a number'),
    v.safeInteger(),
    v.minValue(least),
    v.maxValue(most),
  );

/** An object that is no array: for a schema without a required key the two are the same. */
export const keyed = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);

/** By key. A key that could reach a prototype (`__proto__`, `constructor`, `prototype`) is left out. */
export const table = <K extends v.GenericSchema<string, string>, V extends v.GenericSchema>(key: K, value: V) =>
  v.pipe(keyed, v.record(key, value));
