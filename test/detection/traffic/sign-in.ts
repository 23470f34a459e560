import type { Draw } from './draw.ts';
import type { Fields, Stage } from './event.ts';
import { NOBODY } from './tokens.ts';

/** One try at the door. The account stands in resource_id. */
export function trySignIn(
  stage: Stage,
  time_s: number,
  origin: Fields,
  account: string,
  outcome: 'SUCCESS' | 'DENIED',
  reason: string | null = null,
  more: Fields = {},
): void {
  stage.emit(time_s, {
    actor: NOBODY,
    origin,
    act: {
      action: 'session.create',
      resource_type: 'session',
      resource_id: account,
      outcome,
      reason,
      http_method: 'POST',
      http_route: '/session',
      http_status: outcome === 'SUCCESS' ? 201 : 401,
      producer: 'auth-api',
      delivery: 'ROUTINE',
      ...more,
    },
  });
}

export function challenge(
  stage: Stage,
  time_s: number,
  origin: Fields,
  account: string,
  outcome: 'SUCCESS' | 'DENIED',
  reason: string | null,
): void {
  stage.emit(time_s, {
    actor: NOBODY,
    origin,
    act: {
      action: 'mfa.challenge',
      resource_type: 'mfa',
      resource_id: account,
      outcome,
      reason,
      http_method: 'POST',
      http_route: '/session/factor',
      http_status: outcome === 'SUCCESS' ? 200 : 401,
      producer: 'auth-api',
      delivery: 'ROUTINE',
    },
  });
}

/** Something about an account that its owner does before being signed in, such as a reset. */
export function recover(stage: Stage, time_s: number, origin: Fields, account: string, action: string): void {
  stage.emit(time_s, {
    actor: NOBODY,
    origin,
    act: {
      action,
      resource_type: 'account',
      resource_id: account,
      outcome: 'SUCCESS',
      http_method: 'POST',
      http_route: `/${action.replace('.', '/')}`,
      http_status: 200,
      producer: 'auth-api',
      delivery: 'ROUTINE',
    },
  });
}

/** After so many wrong passwords the account is locked for a while. */
const LOCK_AFTER = 6;

/**
 * A person signs in: wrong passwords, a mistyped name, a lock, a reset, a second factor that is not answered at once.
 * @returns when they are in, or null where they gave up for now
 */
export function personSignsIn(
  stage: Stage,
  draw: Draw,
  start_s: number,
  person: { readonly id: string; readonly mfa: boolean },
  origin: Fields,
  wrong_share: number,
  more: Fields = {},
): number | null {
  let at = start_s;
  if (draw.chance(0.003)) {
    trySignIn(stage, at, origin, `${person.id}${draw.pick(['x', '.', '1'])}`, 'DENIED', 'unknown_account');
    at += draw.between(6, 30);
  }
  let wrong = 0;
  // Who failed once is likely to fail again.
  while (draw.chance(wrong === 0 ? wrong_share : 0.45)) {
    trySignIn(stage, at, origin, person.id, 'DENIED', wrong < LOCK_AFTER ? 'bad_credentials' : 'locked');
    at += draw.between(5, 40);
    wrong++;
    if (wrong > LOCK_AFTER + 1) break;
  }
  if (wrong >= LOCK_AFTER) {
    if (draw.chance(0.3)) return null;
    at += draw.between(60, 900);
  }
  if (wrong >= 3 && draw.chance(0.5)) {
    recover(stage, at, origin, person.id, 'password.reset');
    at += draw.between(20, 120);
  }
  trySignIn(stage, at, origin, person.id, 'SUCCESS', null, more);
  if (person.mfa) {
    let asked = 0;
    while (asked < 8 && draw.chance(asked === 0 ? 0.05 : 0.35)) {
      at += draw.between(30, 70);
      challenge(stage, at, origin, person.id, 'DENIED', draw.chance(0.03) ? 'user_denied' : 'timeout');
      asked++;
    }
    at += draw.between(4, 20);
    challenge(stage, at, origin, person.id, 'SUCCESS', null);
  }
  return at + draw.between(1, 4);
}
