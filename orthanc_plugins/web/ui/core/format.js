/** Numbers, times and DICOM values as people read them, in the language in use. */

import { language } from './words.js';

/** Return a number, with at most so many digits behind the point; "–" where there is none. */
export const number = (value, digits = 0) =>
  value === null || value === undefined
    ? '–'
    : value.toLocaleString(language(), { maximumFractionDigits: digits });

/** Return a number with exactly so many digits behind the point; "–" where there is none. */
export const fixed = (value, digits) =>
  value === null || value === undefined
    ? '–'
    : value.toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits });

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** Return a size in the fitting unit (of 1,000); "–" where it is not known. */
export function bytes(value) {
  if (value === null || value === undefined) {
    return '–';
  }
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), UNITS.length - 1);
  return new Intl.NumberFormat(language(), {
    style: 'unit',
    unit: UNITS[power],
    unitDisplay: 'short',
    maximumFractionDigits: power === 0 ? 0 : 1,
  }).format(value / 1000 ** power);
}

/** Return a duration of seconds: "350 ms", "12 s", "3 min 5 s", "2 h 4 min"; "–" where there is none. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) {
    return '–';
  }
  const unit = (value, name, digits = 0) =>
    new Intl.NumberFormat(language(), {
      style: 'unit',
      unit: name,
      unitDisplay: 'short',
      maximumFractionDigits: digits,
    }).format(value);
  if (seconds < 1) {
    return unit(seconds * 1000, 'millisecond');
  }
  if (seconds < 60) {
    return unit(seconds, 'second', seconds < 10 ? 2 : 0);
  }
  const whole = Math.round(seconds);
  const [large, small] = whole < 3600 ? ['minute', 'second'] : ['hour', 'minute'];
  const size = whole < 3600 ? 60 : 3600;
  const rest = Math.floor((whole % size) / (size / 60));
  return [unit(Math.floor(whole / size), large), ...(rest > 0 ? [unit(rest, small)] : [])].join(' ');
}

/** Return a moment (ISO 8601) as date and time here; "–" where there is none. */
export const moment = (iso) =>
  iso ? new Date(iso).toLocaleString(language(), { dateStyle: 'medium', timeStyle: 'medium' }) : '–';

const STEPS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', 30],
  ['month', 12],
  ['year', Infinity],
];

/** Return how long ago a moment (ISO 8601) was, or is to come: "5 minutes ago". */
export function ago(iso, now = Date.now()) {
  let value = (new Date(iso).getTime() - now) / 1000;
  for (const [unit, most] of STEPS) {
    if (Math.abs(value) < most) {
      return new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }).format(Math.round(value), unit);
    }
    value /= most;
  }
  return '';
}

/** Return a DICOM date (DA, `20261130`) as it is written here; a value that is none as it stands, "–" for nothing. */
export function dicomDate(value) {
  const found = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(value ?? '');
  if (!found) {
    return value || '–';
  }
  const date = new Date(Date.UTC(+found[1], found[2] - 1, +found[3]));
  return date.toLocaleDateString(language(), { dateStyle: 'medium', timeZone: 'UTC' });
}

/** Return a DICOM person name (PN) as it is spoken: "DOE^JANE^^DR" as "DR JANE DOE"; "–" for nothing. */
export function personName(value) {
  const groups = (value ?? '').split('=').map((group) => {
    const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^');
    return [prefix, given, middle, family, suffix].filter(Boolean).join(' ');
  });
  const [first, ...others] = groups.filter(Boolean);
  return first === undefined ? '–' : others.length > 0 ? `${first} (${others.join(', ')})` : first;
}
