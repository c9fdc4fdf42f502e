/**
 * Makes a value of a schema's type out of one that came from outside, and says what is wrong with it: where, and by which rule.
 *
 * Everything in the project is parsed here. The library's own `parse` and `safeParse` repeat the value in their messages and keep it in their issues, and a
 * value may be a password; from here, nothing of it gets out. Does not belong here: schemas (config.ts, schema.ts and whoever reads a file or a request).
 */
import * as v from 'valibot';
import { BulkheadError } from '../errors.ts';

/** Keys come from outside, too: of a path, only so much is repeated. */
const LONGEST_PATH = 100;

/** `path` = dotted keys, '' = the value as a whole; `rule` continues a sentence: `must be at most 50`, `is missing`. */
export type Complaint = { readonly path: string; readonly rule: string };

export type Parsed<T> =
  | { readonly success: true; readonly output: T }
  /** At least one. */
  | { readonly success: false; readonly complaints: readonly Complaint[] };

/** Parses; a value that does not fit is an answer. It says the first thing that is wrong, or with `all` every one. */
export function tryParse<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  { all = false }: { readonly all?: boolean } = {},
): Parsed<v.InferOutput<S>> {
  const parsed = v.safeParse(schema, value, { abortEarly: !all, message: ruleOf });
  if (parsed.success) return { success: true, output: parsed.output };
  const complaints = parsed.issues.map((issue) => ({
    path: (v.getDotPath(issue) ?? '').slice(0, LONGEST_PATH),
    rule: issue.message,
  }));
  return { success: false, complaints };
}

/** Parses what must fit. Throws `invalid`, saying where it does not and by which rule. */
export function parse<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
  const parsed = tryParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new BulkheadError('invalid', `${sentenceOf(parsed.complaints)}.`);
}

/** The first complaint as the words of a sentence. */
export function sentenceOf([complaint]: readonly Complaint[]): string {
  if (complaint === undefined) return 'it does not fit';
  return `${complaint.path === '' ? 'the value as a whole' : `"${complaint.path}"`} ${complaint.rule}`;
}

/** The rule that a value breaks, where its schema does not say it in words of its own. */
function ruleOf({ type, expected, requirement, path }: v.BaseIssue<unknown>): string {
  // Only an object that complains about its keys has a path at this time.
  if (path?.[0].origin === 'key') return expected === 'never' ? 'is not known' : 'is missing';
  switch (type) {
    case 'max_length':
      return `must be at most ${String(requirement)} long`;
    case 'min_length':
      return requirement === 1 ? 'must not be empty' : `must be at least ${String(requirement)} long`;
    case 'max_value':
      return `must be at most ${String(requirement)}`;
    case 'min_value':
      return `must be at least ${String(requirement)}`;
    case 'safe_integer':
      return 'must be a whole number';
    case 'to_number':
    case 'finite':
      return 'must be a number';
    default:
      return expected === null
        ? 'has another form'
        : `must be ${expected.replaceAll(/[()]/g, '').replaceAll('|', 'or')}`;
  }
}
