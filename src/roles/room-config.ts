/** What no schema says of waiting rooms: times that must be times, rooms that must be told apart, settings that need each other. */
import type { Room, WaitingRooms } from "#contract/waiting-room.ts";
import { patternComplaint } from "#edge/path-pattern.ts";
import { type Complain, networkComplaint } from "./config-complaints.ts";
import { shown } from "./schema-complaints.ts";

export function roomComplaints({ rooms, smtpUrl, mailFrom }: WaitingRooms, complain: Complain): void {
  const ids = new Map<string, number>();
  for (const [index, room] of rooms.entries()) {
    const at = `/waitingRooms/rooms/${index}`;
    const same = ids.get(room.id);
    if (same !== undefined)
      complain(
        `${at}/id`,
        `"${room.id}" is the id of room ${same} too: each needs its own, cookies and counters go by it.`,
      );
    else ids.set(room.id, index);
    checkTimes(room, (name, message) => complain(`${at}/${name}`, message));
    checkRates(room, (name, message) => complain(`${at}/${name}`, message));
    checkMatch(room, (name, message) => complain(`${at}/match/${name}`, message));
    checkBypass(room, (name, message) => complain(`${at}/bypass/${name}`, message));
    const earlier = rooms.slice(0, index).findIndex(takesAll);
    if (earlier >= 0)
      complain(
        `${at}/match`,
        `is never reached: room ${earlier} ("${rooms[earlier]?.id}") stands before it and takes every request. Put it further up, or give that one paths.`,
      );
  }
  if (smtpUrl !== undefined) {
    if (!URL.canParse(smtpUrl) || !["smtp:", "smtps:"].includes(new URL(smtpUrl).protocol))
      complain("/waitingRooms/smtpUrl", "must be an address such as smtp://user:password@mail.example:587");
    if (mailFrom === undefined)
      complain("/waitingRooms/mailFrom", "is missing: e-mails need a sender, such as shop@example.com.");
  }
  if (mailFrom !== undefined && !/^[^\s@]+@[^\s@]+$/.test(mailFrom))
    complain("/waitingRooms/mailFrom", `must be an e-mail address, not ${shown(mailFrom)}`);
}

type Say = (name: string, message: string) => void;

/** ISO 8601 with its zone: a time without one would be another for each machine. */
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

function checkTimes(room: Room, say: Say): void {
  const isTime = (name: "opensAt" | "closesAt"): boolean => {
    const text = room[name];
    if (text === undefined) return false;
    if (moment.test(text) && Number.isFinite(Date.parse(text))) return true;
    say(name, `must be a date and time with its zone, such as 2026-11-27T09:00:00Z or …+01:00, not ${shown(text)}`);
    return false;
  };
  const [opens, closes] = [isTime("opensAt"), isTime("closesAt")];
  if (opens && closes && Date.parse(room.closesAt as string) <= Date.parse(room.opensAt as string))
    say("closesAt", `is not after opensAt (${room.opensAt}).`);
  if (room.kind === "safety-net") {
    if (room.opensAt !== undefined) say("opensAt", "is for a sale: a safety net opens by itself. Leave it out.");
    if (room.preQueueMinutes > 0) say("preQueueMinutes", "is for a sale: a safety net has no doors to wait before.");
  } else if (room.preQueueMinutes > 0 && room.opensAt === undefined)
    say("preQueueMinutes", "needs opensAt: people can only come before a time that is known.");
}

function checkRates(room: Room, say: Say): void {
  if (room.failMode === "floor" && room.floorPerMinute === 0)
    say(
      "floorPerMinute",
      'is 0 while failMode is "floor": nobody would be admitted. Say how many, or failMode: "hold".',
    );
  if (room.failMode === "floor" && room.floorPerMinute > room.outflowPerMinute)
    say("floorPerMinute", `is ${room.floorPerMinute}, more than outflowPerMinute (${room.outflowPerMinute}).`);
}

function checkMatch({ match }: Room, say: Say): void {
  for (const name of ["paths", "except"] as const)
    for (const [index, pattern] of match[name].entries()) {
      const message = patternComplaint(pattern);
      if (message !== undefined) say(`${name}/${index}`, `${shown(pattern)} ${message}.`);
    }
  for (const [index, host] of match.hosts.entries())
    if (!/^[a-z\d](?:[a-z\d.-]*[a-z\d])?$|^\[[\da-f:.]+\]$/i.test(host))
      say(`hosts/${index}`, `must be a host name without a port, such as "shop.example", not ${shown(host)}`);
  if (match.header !== undefined && !/^[!#$%&'*+.^_`|~\w-]+$/.test(match.header.name))
    say("header/name", `must be the name of a header field, not ${shown(match.header.name)}`);
}

function checkBypass({ bypass }: Room, say: Say): void {
  for (const [index, text] of bypass.addresses.entries()) {
    const message = networkComplaint(text);
    if (message !== undefined) say(`addresses/${index}`, message);
  }
  for (const name of ["tokens", "codes"] as const)
    for (const [index, hash] of bypass[name].entries())
      if (!/^[\da-f]{64}$/.test(hash))
        say(`${name}/${index}`, "must be a SHA-256 in small hexadecimal letters: printf %s SECRET | sha256sum");
  for (const [index, domain] of bypass.bots.entries())
    if (!/^[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)+$/.test(domain))
      say(`bots/${index}`, `must be a domain such as "googlebot.com", not ${shown(domain)}`);
}

const takesAll = ({ match: { paths, hosts, tags, header, except } }: Room): boolean =>
  paths.length + hosts.length + tags.length + except.length === 0 && header === undefined;
