/** Dates in fields, RFC 9110 section 5.6.7: the three forms that exist, and no fourth. */

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const fixdate = /^(?:mon|tue|wed|thu|fri|sat|sun), (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/;
const rfc850 = /^(?:mon|tues|wednes|thurs|fri|satur|sun)day, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/;
const asctime = /^(?:mon|tue|wed|thu|fri|sat|sun) ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/** Milliseconds since the epoch; undefined for anything that is not exactly one of the forms. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const lower = text.toLowerCase();
  let found = fixdate.exec(lower);
  if (found) return build(found[3], found[2], found[1], found[4], found[5], found[6]);
  found = asctime.exec(lower);
  if (found) return build(found[6], found[1], found[2], found[3], found[4], found[5]);
  found = rfc850.exec(lower);
  if (!found) return undefined;
  // Two digits that seem more than 50 years ahead mean the latest past year that ends in them.
  const thisYear = new Date(nowMs).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + Number(found[3]);
  if (year > thisYear + 50) year -= 100;
  return build(String(year), found[2], found[1], found[4], found[5], found[6]);
}

function build(
  year: string | undefined,
  monthName: string | undefined,
  day: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
  second: string | undefined,
): number | undefined {
  const month = months.indexOf(monthName ?? "");
  if (month < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const date = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  // The 31st of February is no day.
  return new Date(date).getUTCMonth() === month || Number(second) === 60 ? date : undefined;
}

export const writeHttpDate = (ms: number): string => new Date(ms).toUTCString();
