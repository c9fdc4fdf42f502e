/**
 * What every benchmark prints the same way: the machine, percentiles, tables. A figure without its machine and load means nothing.
 *
 * Not here: measuring.
 */
import { cpus, loadavg, platform, release, totalmem } from 'node:os';

/** One line: processor, memory, system, Node, and how busy the machine is with other work. */
export function describeMachine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const load = loadavg()
    .map((value) => value.toFixed(2))
    .join(' ');
  return `${processors.length} x ${processors[0]?.model.trim() ?? 'unknown'}, ${memory}, ${platform()} ${release()}, Node ${process.version}, load ${load}`;
}

/** The value below which `share` (0 to 1) of the values lie, by the nearest rank. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** `{ n, p50, p90, p99, max }`, with so many digits behind the point. */
export function percentiles(values: readonly number[], digits = 1): Record<string, string> {
  return {
    n: String(values.length),
    p50: percentile(values, 0.5).toFixed(digits),
    p90: percentile(values, 0.9).toFixed(digits),
    p99: percentile(values, 0.99).toFixed(digits),
    max: percentile(values, 1).toFixed(digits),
  };
}

/** Rows of one shape as lines: a head, a rule, numbers to the right. */
export function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? '')));
  const widths = columns.map((column, index) => Math.max(column.length, ...cells.map((row) => row[index]!.length)));
  const line = (row: readonly string[], isHead = false): string =>
    row
      .map((cell, index) => {
        const isNumber = !isHead && /^[-\d.,]+( %)?$/.test(cell);
        return isNumber ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!);
      })
      .join('  ')
      .trimEnd();
  return [
    line(columns, true),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...cells.map((row) => line(row)),
  ].join('\n');
}

/** The number behind `--name` on the command line. */
export function numberOption(name: string, otherwise: number, args: readonly string[] = process.argv): number {
  const at = args.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(args[at + 1]);
  if (!Number.isFinite(value)) throw new Error(`--${name} wants a number`);
  return value;
}

/** What stands behind `--name` on the command line. */
export function option(name: string, args: readonly string[] = process.argv): string | undefined {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
}

/** Those of `all` that `--name a,b` chooses; `otherwise` without the option. */
export function choices<T extends string>(
  name: string,
  all: readonly T[],
  otherwise: readonly T[] = all,
): readonly T[] {
  const given = option(name)?.split(',');
  if (given === undefined) return otherwise;
  const unknown = given.find((one) => !(all as readonly string[]).includes(one));
  if (unknown !== undefined) throw new Error(`--${name} is ${all.join(', ')} or several of them; not "${unknown}"`);
  return all.filter((one) => given.includes(one));
}

/** Rows of one shape as a table in Markdown. */
export function markdown(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  return [
    columns,
    columns.map(() => '---'),
    ...rows.map((row) => columns.map((column) => String(row[column] ?? '').trim())),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
