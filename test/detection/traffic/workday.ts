import { act, closeBooks, DENIED, type Desk, deskOf, openClosedList, tidyUp, work } from './acts.ts';
import { administer } from './administration.ts';
import type { Day } from './calendar.ts';
import type { Draw } from './draw.ts';
import type { Fields, Stage } from './event.ts';
import { personSignsIn } from './sign-in.ts';
import { personToken, refuse, refusedToken, TOKEN_S } from './tokens.ts';
import type { Person, Tenant } from './world.ts';

const HOUR_S = 3_600;
const SHIFTS_H = [5, 13, 21] as const;

/** What a person leaves in the log on one day. */
export function workday(stage: Stage, draw: Draw, tenant: Tenant, person: Person, day: Day): void {
  if (!draw.chance(person.kind === 'shift' ? Math.max(0.25, day.attendance * 0.7) : day.attendance)) {
    // A tab that was left open polls with a token that ran out days ago.
    if (draw.chance(0.01))
      pollExpired(
        stage,
        draw,
        stage.midnight_s + draw.between(0, 20) * HOUR_S,
        personTokenOf(draw, tenant, person, -2 * 86_400, stage),
        atDesk(draw, tenant, person),
      );
    return;
  }
  const [start_s, end_s] = hours(stage, draw, person);
  const origin = atDesk(draw, tenant, person);
  if (draw.chance(day.return ? 0.25 : 0.04))
    pollExpired(
      stage,
      draw,
      start_s - draw.between(5, 120),
      personTokenOf(draw, tenant, person, day.return ? -9 * 86_400 : -50_000, stage),
      origin,
    );
  const needsSignIn = person.kind === 'shift' || draw.chance(day.return ? 0.9 : 0.35);
  const wrong = day.return ? 0.16 : 0.04;
  const from_s = needsSignIn ? personSignsIn(stage, draw, start_s, person, origin, wrong, lastSeen(draw, day)) : start_s;
  if (from_s === null) return;
  atWork(stage, draw, tenant, person, day, origin, from_s, end_s);
  if (person.phone_agent !== null && draw.chance(0.6))
    onThePhone(stage, draw, tenant, person, draw.between(start_s - HOUR_S, end_s + 3 * HOUR_S));
}

/** Somebody comes back from a long leave now and then. */
const lastSeen = (draw: Draw, day: Day): Fields => ({
  'attributes.last_seen_days': String(draw.chance(0.0008) ? draw.int(90, 400) : day.return ? draw.int(8, 18) : draw.int(0, 3)),
});

const personTokenOf = (draw: Draw, tenant: Tenant, person: Person, since_s: number, stage: Stage): Fields =>
  personToken(draw, tenant, person, stage.midnight_s + since_s);

function hours(stage: Stage, draw: Draw, person: Person): readonly [number, number] {
  if (person.kind === 'shift') {
    // Everybody of a shift comes within a few minutes.
    const begin = stage.midnight_s + draw.pick(SHIFTS_H) * HOUR_S + draw.normal(0, 240);
    return [begin, begin + 7.7 * HOUR_S];
  }
  const early = person.office.country === 'US' ? 13 : person.office.country === 'IN' ? 3 : person.kind === 'developer' ? 8.4 : 7.4;
  const begin = stage.midnight_s + (early + draw.normal(0, 0.4)) * HOUR_S;
  return [begin, begin + draw.normal(8.3, 0.6) * HOUR_S];
}

/** In the office behind its one address, at home, or through the VPN, which shows the office's country. */
function atDesk(draw: Draw, tenant: Tenant, person: Person): Fields {
  if (person.kind === 'shift')
    return {
      source_ip: person.office.origin_ip,
      'attributes.source_country': person.office.country,
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Kiosk',
    };
  if (person.vpn && draw.chance(0.7)) {
    // Most services know their own VPN's address as one; some were never told.
    const kind: Fields = draw.chance(0.9) ? { 'attributes.source_kind': 'vpn' } : {};
    return { source_ip: tenant.vpn_ip, 'attributes.source_country': person.office.country, user_agent: person.agent, ...kind };
  }
  if (person.abroad === null && draw.chance(0.6))
    return { source_ip: person.office.origin_ip, 'attributes.source_country': person.office.country, user_agent: person.agent };
  return { ...person.home, user_agent: person.agent };
}

function atWork(stage: Stage, draw: Draw, tenant: Tenant, person: Person, day: Day, first: Fields, from_s: number, end_s: number): void {
  const desk = deskOf(draw, tenant);
  let origin = first;
  let at = from_s;
  if (person.kind === 'admin') administer(stage, draw, tenant, person, day, origin, [from_s, end_s]);
  while (at < end_s) {
    const token = personToken(draw, tenant, person, at);
    const until = Math.min(end_s, at + TOKEN_S - draw.between(5, 60));
    if (draw.chance(0.72)) stretch(stage, draw, person, day, token, origin, at, until, desk);
    // Some go home at noon with the same browser, and the token goes with them.
    if (person.kind !== 'shift' && draw.chance(0.02)) origin = { ...person.home, user_agent: person.agent };
    at = until + draw.exponential(4);
    if (draw.chance(0.9))
      act(stage, at, token, origin, { action: 'token.refresh', http_method: 'POST', http_route: '/token', producer: 'auth-api' });
    if (draw.chance(0.1)) at += draw.between(600, 2_400);
  }
}

/** The life of one access token. */
function stretch(
  stage: Stage,
  draw: Draw,
  person: Person,
  day: Day,
  token: Fields,
  origin: Fields,
  from_s: number,
  until_s: number,
  desk: Desk,
): void {
  let at = from_s + draw.exponential(20);
  if (person.polls_closed) {
    const closed = { action: 'figure.read', resource_id: 'revenue', http_route: '/figures/:id', ...DENIED };
    for (let t = from_s; t < until_s; t += 60) act(stage, t + draw.next(), token, origin, closed);
  }
  if (person.kind === 'accountant' && day.month_end && draw.chance(0.06)) {
    let renewed = token;
    at += closeBooks(stage, draw, at, (time_s) => (renewed = stillGood(draw, desk.tenant, person, renewed, time_s)), origin);
  }
  if (draw.chance(0.0006)) openClosedList(stage, draw, at, token, origin, desk);
  if (draw.chance(0.0008)) tidyUp(stage, draw, at, token, origin, desk);
  if (draw.chance(0.0002)) roleTakenAway(stage, draw, at, token, origin, desk);
  if (person.is_new && draw.chance(0.2)) looksAround(stage, draw, at, token, origin, desk);
  if (person.second_tenant !== null && draw.chance(0.03)) followsOldLinks(stage, draw, at, token, origin, person.second_tenant, desk);
  if (person.kind === 'developer' && draw.chance(0.002)) createsKeys(stage, draw, at, token, origin);
  if (person.kind === 'support' && draw.chance(0.03))
    act(stage, at, token, origin, {
      action: 'user.impersonate',
      resource_id: `customer-${draw.int(1, 900)}`,
      http_method: 'POST',
      'attributes.support_case': `c-${draw.int(1, 99_999)}`,
    });
  if (draw.chance(0.01)) staysConnected(stage, draw, at, token, origin);
  while (at < until_s) at += work(stage, draw, at, token, origin, desk);
}

/** The token, or the one that a client fetches when it is about to run out. */
const stillGood = (draw: Draw, tenant: Tenant, person: Person, token: Fields, time_s: number): Fields =>
  Number(token['token_expires_at']) / 1_000 > time_s + 5 ? token : personToken(draw, tenant, person, time_s);

/** A role was taken away while pages are open: all that they poll is denied until somebody closes them. */
function roleTakenAway(stage: Stage, draw: Draw, time_s: number, token: Fields, origin: Fields, { tenant }: Desk): void {
  const polled = tenant.resources.slice(0, draw.int(1, 4));
  for (let round = 0; round < draw.int(3, 20); round++)
    for (const resource of polled)
      act(stage, time_s + round * 30, token, origin, { action: `${resource}.list`, http_route: `/${resource}s`, ...DENIED });
}

function looksAround(stage: Stage, draw: Draw, time_s: number, token: Fields, origin: Fields, { tenant }: Desk): void {
  const kinds = 1 + Math.floor(draw.exponential(1.5));
  for (let i = 0; i < kinds; i++)
    act(stage, time_s + i * draw.between(10, 60), token, origin, {
      action: `${draw.pick(tenant.resources)}.${draw.pick(['read', 'list', 'create', 'export'])}`,
      resource_id: `o${draw.int(1, 999)}`,
      ...DENIED,
    });
}

/** Who belongs to two tenants opens a bookmark of the other one. */
function followsOldLinks(stage: Stage, draw: Draw, time_s: number, token: Fields, origin: Fields, other: string, { tenant }: Desk): void {
  const links = 1 + Math.floor(draw.exponential(1));
  for (let i = 0; i < links; i++)
    act(stage, time_s + i * 8, token, origin, {
      action: `${draw.pick(tenant.resources)}.read`,
      resource_id: `x${draw.int(1, 9_999)}`,
      'attributes.owner_tenant': other,
      ...DENIED,
    });
}

function createsKeys(stage: Stage, draw: Draw, time_s: number, token: Fields, origin: Fields): void {
  const keys = 1 + Math.floor(draw.exponential(1.2));
  for (let i = 0; i < keys; i++)
    act(stage, time_s + i * draw.between(15, 60), token, origin, {
      action: 'api_key.create',
      resource_id: `key-${draw.hex(8)}`,
      http_method: 'POST',
    });
}

/** A connection that outlives the token it was opened with. */
function staysConnected(stage: Stage, draw: Draw, time_s: number, token: Fields, origin: Fields): void {
  const end_s = time_s + draw.between(600, 3 * HOUR_S);
  for (let t = time_s; t < end_s; t += draw.exponential(240) + 10)
    act(stage, t, token, origin, { action: 'feed.receive', http_route: '/feed', 'attributes.transport': 'websocket' });
}

/** A tab asks every so often with a token that has run out, until somebody comes. */
function pollExpired(stage: Stage, draw: Draw, from_s: number, token: Fields, origin: Fields): void {
  const polls = draw.int(1, 40);
  for (let i = 0; i < polls; i++) {
    const trace = draw.hex(32);
    refuse(stage, from_s + i * 30, refusedToken(token), origin, 'expired', '/notices', trace);
    if (draw.chance(0.2))
      act(stage, from_s + i * 30 + 0.1, refusedToken(token), origin, {
        action: 'notice.read',
        http_route: '/notices',
        trace_id: trace,
        'attributes.access': 'public',
      });
  }
}

/** A telephone goes between networks within the life of one token; its app may open pages inside itself. */
function onThePhone(stage: Stage, draw: Draw, tenant: Tenant, person: Person, from_s: number): void {
  // Tables of address ranges know most carriers as such.
  const carrier: Fields = {
    ...(draw.chance(0.9) ? { 'attributes.source_kind': 'cellular' } : {}),
    source_ip: `252.${draw.int(0, 9)}.${draw.int(0, 255)}.${draw.int(1, 254)}`,
    'attributes.source_country': person.office.country,
  };
  const sessions = draw.int(1, 4);
  let at = from_s;
  // Abroad the telephone still shows its home country, for its traffic goes home first.
  let network: Fields = draw.chance(0.5) && person.abroad === null ? person.home : carrier;
  if (draw.chance(0.05)) at = personSignsIn(stage, draw, at, person, { ...network, user_agent: person.phone_agent }, 0.06) ?? at;
  for (let session = 0; session < sessions; session++) {
    const token = personToken(draw, tenant, person, at, 'phone');
    const desk = deskOf(draw, tenant);
    const acts = draw.int(3, 15);
    for (let i = 0; i < acts; i++) {
      if (draw.chance(0.04))
        network =
          network === carrier
            ? person.home
            : draw.chance(0.3)
              ? { ...carrier, source_ip: `252.${draw.int(0, 9)}.${draw.int(0, 255)}.7` }
              : carrier;
      const inPage = person.page_agent !== null && draw.chance(0.05);
      act(
        stage,
        at,
        token,
        { ...network, user_agent: inPage ? person.page_agent : person.phone_agent },
        { action: `${draw.pick(tenant.resources)}.${draw.pick(['read', 'list'])}`, resource_id: draw.pick(desk.objects) },
      );
      at += draw.exponential(20) + 1;
    }
    at += draw.between(0.3, 2) * HOUR_S;
  }
}
