// @ts-check
/** Dates as Gmail writes them. Moments are milliseconds since 1970. */

const DAY = 86_400_000;
let turned = 0;

/** By how many milliseconds the world's time is turned. */
export const turn = (by) => (turned = by);
const worldNow = () => Date.now() + turned;
const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const SHORT = new Intl.DateTimeFormat(undefined, { year: "2-digit", month: "numeric", day: "numeric" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const DATE = new Intl.DateTimeFormat(undefined, { weekday: "short", year: "numeric", month: "short", day: "numeric" });
/** @type {Intl.DateTimeFormatOptions} */
const MAIL_PARTS = { weekday: "short", month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
const MAIL_THIS_YEAR = new Intl.DateTimeFormat(undefined, MAIL_PARTS);
const MAIL = new Intl.DateTimeFormat(undefined, { ...MAIL_PARTS, year: "numeric" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** In a list: the time today, the day this year, else the date. */
export function inList(moment, now = worldNow()) {
  const day = new Date(moment);
  const today = new Date(now);
  if (day.toDateString() === today.toDateString()) return TIME.format(day);
  return (day.getFullYear() === today.getFullYear() ? DAY_OF_YEAR : SHORT).format(day);
}

/** In an open mail: the time today, day and time this year, else the whole date; and " (3 days ago)", or "" when that is long ago. */
export function inMail(moment, now = worldNow()) {
  const [day, today] = [new Date(moment), new Date(now)];
  const isThisYear = day.getFullYear() === today.getFullYear();
  const format = day.toDateString() === today.toDateString() ? TIME : isThisYear ? MAIL_THIS_YEAR : MAIL;
  const ago = now - moment;
  return [format.format(moment), ago < 0 || ago > 14 * DAY ? "" : ` (${howLongAgo(ago)})`];
}

/** As it is quoted in an answer: with the year, whenever it is read. */
export const dated = (moment) => MAIL.format(moment);

export const whole = (moment) => WHOLE.format(moment);
export const worldDay = () => DATE.format(worldNow());
export const time = (moment) => TIME.format(moment);
export const day = (iso) => DAY_OF_YEAR.format(new Date(`${iso}T12:00`));

/** How many days this day comes after another one, which is as ISO 8601 writes it. */
export const daysAfter = (iso) => Math.round((Date.parse(today()) - Date.parse(iso)) / DAY);

/** This day, as ISO 8601 writes it. */
export const today = () => new Date(worldNow() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);

function howLongAgo(ago) {
  if (ago < 3_600_000) return AGO.format(-Math.round(ago / 60_000), "minute");
  if (ago < DAY) return AGO.format(-Math.round(ago / 3_600_000), "hour");
  return AGO.format(-Math.floor(ago / DAY), "day");
}
