/**
 * Figures as people read them. Pure; the decimal sign is the language's.
 */
const KIB = 1024;
const UNITS = ['KiB', 'MiB', 'GiB'] as const;
/** What is not known, or does not apply. */
const NONE = '–';

function number(value: number, digits: number, language: string): string {
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Three digits at most: `820 KiB`, `18.2 MiB`, `104 MiB`. */
export function bytes(value: number | null, language: string): string {
  if (value === null) return NONE;
  let amount = value / KIB;
  let unit = 0;
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= KIB;
    unit += 1;
  }
  return `${number(amount, unit === 0 || amount >= 100 ? 0 : 1, language)} ${UNITS[unit]}`;
}

/** Of one core. */
export function percent(value: number | null, language: string): string {
  return value === null ? NONE : `${number(value, value < 10 ? 1 : 0, language)} %`;
}

export function milliseconds(value: number | null, language: string): string {
  if (value === null) return NONE;
  if (value >= 10_000) return `${number(value / 1000, 0, language)} s`;
  if (value >= 1000) return `${number(value / 1000, 1, language)} s`;
  return `${number(value, value < 10 ? 1 : 0, language)} ms`;
}

/** The two largest units: `42 s`, `3 min 5 s`, `2 h 10 min`, `12 d 4 h`. */
export function duration(ms: number | null): string {
  if (ms === null) return NONE;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function count(value: number | null): string {
  return value === null ? NONE : String(value);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `20:41:07`. */
export function clockTime(timeMs: number): string {
  const time = new Date(timeMs);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
}

/** The clock time, and before it the day when it was not today. */
export function dayAndTime(timeMs: number, nowMs: number): string {
  const time = new Date(timeMs);
  const today = time.toDateString() === new Date(nowMs).toDateString();
  return today
    ? clockTime(timeMs)
    : `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clockTime(timeMs)}`;
}
